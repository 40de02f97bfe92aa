//! Networks made of namespaces.

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// If this variable is set, as on the build machine, a missing tool is a failure.
const REQUIRE_TOOLS: &str = "PEERBRIDGE_REQUIRE_TOOLS";

/// Whether namespaces and packet filters can be made here. Fails if they cannot although [`REQUIRE_TOOLS`] is
/// set.
pub fn can_make_networks() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let name = format!("pbd-{}-probe", std::process::id());
        let works = ip(&["netns", "add", &name])
            && ip(&[
                "netns", "exec", &name, "nft", "add", "table", "inet", "probe",
            ]);
        // If it could not be made, there is nothing to remove.
        ip(&["netns", "del", &name]);
        if !works {
            assert!(
                std::env::var_os(REQUIRE_TOOLS).is_none(),
                "root, ip and nft are needed"
            );
            eprintln!("not checked, for want of root, ip and nft: discovery on networks");
        }
        works
    })
}

/// Whether tests that take minutes are enabled.
pub fn is_long() -> bool {
    std::env::var_os("PEERBRIDGE_TEST_LONG").is_some_and(|value| value == "1")
}

fn ip(arguments: &[&str]) -> bool {
    let run = Command::new("ip")
        .args(arguments)
        .stderr(Stdio::null())
        .status();
    run.is_ok_and(|status| status.success())
}

/// One machine: a network namespace with loopback and nothing else.
pub struct Machine {
    /// The namespace's name.
    pub name: String,
}

impl Default for Machine {
    fn default() -> Machine {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("pbd-{}-{number}", std::process::id());
        assert!(ip(&["netns", "add", &name]), "cannot make {name}");
        let machine = Machine { name };
        machine.run("ip link set lo up");
        machine
    }
}

impl Machine {
    /// A new one, with loopback up.
    pub fn new() -> Machine {
        Machine::default()
    }

    /// A new machine without IPv6.
    pub fn with_ipv4_only() -> Machine {
        let machine = Machine::new();
        for scope in ["all", "default"] {
            machine.run(&format!("sysctl -qw net.ipv6.conf.{scope}.disable_ipv6=1"));
        }
        machine
    }

    /// A command that will run inside the machine.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a command of plain words inside it, and returns what it printed.
    pub fn run(&self, line: &str) -> String {
        let mut words = line.split(' ');
        let output = self
            .command(words.next().unwrap())
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes the machine's packet filter drop matching packets, or count them with `counter`.
    pub fn filter(&self, hook: &str, rules: &[&str]) {
        let rules = rules.join("\n");
        let table = format!(
            "table inet of_{hook} {{\nchain rules {{\ntype filter hook {hook} priority 0; policy accept;\n{rules}\n}}\n}}"
        );
        let mut nft = self.command("nft");
        let output = nft.arg(&table).output().unwrap();
        assert!(output.status.success(), "{table}: {output:?}");
    }

    /// Gives an interface an address with its prefix length.
    pub fn address(&self, interface: &str, address: &str) {
        self.run(&format!("ip address add {address} dev {interface}"));
    }

    /// Brings an interface up, as plugging in a cable does.
    pub fn up(&self, interface: &str) {
        self.run(&format!("ip link set {interface} up"));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.name]);
    }
}

/// Connects two machines with a cable, which makes an interface of the given name on each; both ends are down.
pub fn cable(one: &Machine, one_card: &str, other: &Machine, other_card: &str) {
    one.run(&format!(
        "ip link add {one_card} type veth peer name {other_card} netns {}",
        other.name
    ));
}

/// Two machines and a cable between their interfaces `lan`, up and without addresses.
pub fn pair(one: Machine, other: Machine) -> (Machine, Machine) {
    cable(&one, "lan", &other, "lan");
    one.up("lan");
    other.up("lan");
    (one, other)
}

/// Two machines on the network 10.77.0.0/24, .1 and .2.
pub fn home() -> (Machine, Machine) {
    let (one, other) = pair(Machine::new(), Machine::new());
    one.address("lan", "10.77.0.1/24");
    other.address("lan", "10.77.0.2/24");
    (one, other)
}

/// A machine that acts as a switch; its interface `port0` is connected to the first machine's `lan`, and so on.
pub fn switch(machines: &[&Machine]) -> Machine {
    let switch = Machine::new();
    switch.run("ip link add sw type bridge");
    switch.up("sw");
    for (number, machine) in machines.iter().enumerate() {
        plug(&switch, number, machine, "lan");
    }
    switch
}

/// Connects one more interface to a switch.
pub fn plug(switch: &Machine, number: usize, machine: &Machine, card: &str) {
    let port = format!("port{number}");
    cable(switch, &port, machine, card);
    switch.run(&format!("ip link set {port} master sw"));
    switch.up(&port);
    machine.up(card);
}
