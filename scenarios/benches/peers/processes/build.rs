//! Links the child without a C library and without an interpreter, where it has an entry of its own.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is_own = |key: &str, value: &str| std::env::var(key).is_ok_and(|found| found == value);
    if is_own("CARGO_CFG_TARGET_ARCH", "x86_64") && is_own("CARGO_CFG_TARGET_OS", "linux") {
        for argument in ["-nostartfiles", "-no-pie", "-Wl,--no-dynamic-linker"] {
            println!("cargo:rustc-link-arg-bin=bench-child={argument}");
        }
    }
}
