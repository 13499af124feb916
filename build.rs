//! Names each boundary between server versions once, for `compat.rs` and `raw.rs` in `src/pg`,
//! keeps the SQL in the library, and compiles the C.

/// cargo-pgrx reads the SQL from a section of the library that nothing refers to. Without this the
/// linker would drop it.
const KEEP_THE_SQL: &str = "SECTIONS { .pgrxsc : { KEEP(*(.pgrxsc)) } } INSERT AFTER .rodata;\n";

/// Compiles with the headers of the server that pgrx is built for, and with the flags of
/// PostgreSQL's own code, which relies on some of them.
fn compile_c(major: u32) {
    let pg_config = std::env::var("PGRX_PG_CONFIG_PATH").unwrap_or_else(|_| "pg_config".into());
    let ask = |what| {
        let output = std::process::Command::new(&pg_config).arg(what).output();
        let output = output.unwrap_or_else(|error| panic!("{pg_config}, of PGRX_PG_CONFIG_PATH: {error}")).stdout;
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let version = ask("--version");
    assert!(
        version
            .strip_prefix(&format!("PostgreSQL {major}"))
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit())),
        "feature pg{major} needs the headers of PostgreSQL {major}, but {pg_config} is of {version}: name its pg_config with PGRX_PG_CONFIG_PATH"
    );
    let mut build = cc::Build::new();
    build.files(["src/pg/port.c", "src/pg/locks.c"]).include(ask("--includedir-server"));
    // -g and -O are left out: cargo's profile decides about those. It also decides how the whole is
    // linked, so Ubuntu's -flto is not for us. A compiler other than PostgreSQL's may not know
    // every flag.
    const NOT_OURS: [&str; 4] = ["-flto", "-ffat-lto-objects", "-fprofile", "-fsanitize"];
    let flags = ask("--cflags");
    let flags = flags.split_whitespace().filter(|flag| flag.starts_with("-f") || flag.starts_with("-W"));
    for flag in flags.filter(|flag| !NOT_OURS.iter().any(|other| flag.starts_with(other))) {
        build.flag_if_supported(flag);
    }
    build.flag_if_supported("-Wno-unused-parameter").flag_if_supported("-fno-plt").compile("redshift_sessions_c");
}

fn main() {
    let major: u32 =
        (14..=19).filter(|version| std::env::var_os(format!("CARGO_FEATURE_PG{version}")).is_some()).max().unwrap_or(0);
    for boundary in [16, 17, 18, 19] {
        if major >= boundary {
            println!("cargo::rustc-cfg=pg{boundary}_plus");
        }
    }
    // For the sake of that section cargo-pgrx would have the linker keep everything, of every
    // crate: three times the code for each new session to map.
    // CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND in .ci/install prevents it.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os != "macos") {
        let directory = std::env::var("OUT_DIR").expect("cargo says where");
        let script = std::path::Path::new(&directory).join("keep.ld");
        std::fs::write(&script, KEEP_THE_SQL).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        println!("cargo::rustc-cdylib-link-arg=-Wl,--gc-sections,-T,{}", script.display());
    }
    compile_c(major);
    println!("cargo::rerun-if-env-changed=PGRX_PG_CONFIG_PATH");
    println!("cargo::rerun-if-changed=src/pg/port.c");
    println!("cargo::rerun-if-changed=src/pg/locks.c");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sql");
}
