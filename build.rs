//! Names each boundary between server versions once, for `src/compat.rs`, and keeps the SQL in the library.

fn main() {
    let major: u32 =
        (14..=18).filter(|version| std::env::var_os(format!("CARGO_FEATURE_PG{version}")).is_some()).max().unwrap_or(0);
    for boundary in [16, 17, 18] {
        if major >= boundary {
            println!("cargo::rustc-cfg=pg{boundary}_plus");
        }
    }
    // cargo-pgrx reads the SQL from a section of the library that nothing refers to. It would pass this for every crate
    // (see CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND in .ci/install), and tests and lints would build pgrx once more.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os != "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,--no-gc-sections");
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sql");
}
