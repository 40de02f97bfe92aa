use super::*;

#[test]
fn windows_reserved_names_are_known_everywhere() {
    for name in [
        "CON", "nul", "Aux.txt", "COM1", "lpt9.log", "COM¹", "a:b", "a ", "a.", "x?", "t\tx",
        "a\\b", "", "CONIN$", "nul .txt",
    ] {
        assert!(!windows_can_have(name), "{name:?}");
    }
    for name in ["CONSOLE", "COM", "COM10", "a b", ".hidden", "ünïcode"] {
        assert!(windows_can_have(name), "{name:?}");
    }
}

#[test]
fn times_before_1970_survive() {
    let mtime = Mtime {
        seconds: -2,
        nanoseconds: 500_000_000,
    };
    let expected = UNIX_EPOCH - Duration::from_millis(1500);
    assert_eq!(system_time(mtime), Some(expected));
}
