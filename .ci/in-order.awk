# In which order are the objects of the install script? pgrx writes them as its hash tables fall, differently each time; here they
# come as src/lib.rs lists them, which is an order that installs, and what else there is after that.
BEGIN { RS = "/\\* <begin connected objects> \\*/\n" }
NR > 1 {
    sub(/\n+$/, "")
    split($2, at, ":") # "-- src/lib.rs:64"
    place = $1 != "--" ? 0 : /^[^\n]*\n-- finalize/ ? 3 : at[1] == "src/lib.rs" ? 1 : 2
    key = sprintf("%d %s %06d", place, at[1], at[2])
    for (i = ++count; i > 1 && keys[i - 1] > key; i--) {
        keys[i] = keys[i - 1]
        blocks[i] = blocks[i - 1]
    }
    keys[i] = key
    blocks[i] = $0
}
END { for (i = 1; i <= count; i++) printf "%s/* <begin connected objects> */\n%s\n", (i == 1 ? "" : "\n"), blocks[i] }
