//! The `peerbridge` program: everything is in the library.

fn main() -> std::process::ExitCode {
    peerbridge::run()
}
