//! Names each boundary between server versions once, for `src/compat.rs`, keeps the SQL in
//! the library, and compiles the few lines of C.

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
    // Compiled with the headers of the server that pgrx is built for.
    let pg_config = std::env::var("PGRX_PG_CONFIG_PATH").unwrap_or_else(|_| "pg_config".into());
    let output = std::process::Command::new(&pg_config).arg("--includedir-server").output();
    let headers = output.unwrap_or_else(|error| panic!("{pg_config}, of PGRX_PG_CONFIG_PATH: {error}")).stdout;
    cc::Build::new()
        .file("src/port.c")
        .include(String::from_utf8_lossy(&headers).trim())
        .flag_if_supported("-Wno-unused-parameter")
        .compile("redshift_sessions_port");
    println!("cargo::rerun-if-env-changed=PGRX_PG_CONFIG_PATH");
    println!("cargo::rerun-if-changed=src/port.c");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=sql");
}
