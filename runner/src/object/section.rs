//! What an ELF section's name says about the program in it: libbpf's convention, which every
//! compiler and library follows.

use super::program_type::{AttachType, ProgramType};

/// What a section's name says: `fexit.s/get_rps_cpu` is a sleepable fexit program for that function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The name as it stands in the object.
    pub name: String,
    /// The part before the first `/`, without libbpf's `?` and `.s`: `kprobe`, `raw_tp`, ….
    pub prefix: String,
    /// What follows the first `/`: a function, a tracepoint; not always there.
    pub target: Option<String>,
    /// The program's type, if the prefix is one that libbpf knows.
    pub program_type: Option<ProgramType>,
    /// The attach type that belongs to the prefix.
    pub attach_type: AttachType,
    /// `.s`: the program may sleep.
    pub sleepable: bool,
    /// `?`: libbpf doesn't load it unless asked to.
    pub optional: bool,
}

impl Section {
    /// Whether its programs are verified for one function, tracepoint or hook of the kernel.
    pub fn is_verified_for_target(&self) -> bool {
        matches!(self.program_type, Some(ProgramType::Tracing | ProgramType::Other("lsm")))
    }

    /// Takes a section's name apart. A name that libbpf doesn't know has no program type.
    pub fn parse(name: &str) -> Section {
        let (bare, optional) = match name.strip_prefix('?') {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let (head, target) = match bare.split_once('/') {
            Some((head, target)) => (head, Some(target)),
            None => (bare, None),
        };
        let (prefix, sleepable) = match head.strip_suffix(".s") {
            Some(prefix) if may_sleep(prefix) => (prefix, true),
            _ => (head, false),
        };
        let (program_type, attach_type) = match classify(prefix, target) {
            Some((program, attach)) => (Some(program), attach),
            None => (None, AttachType::None),
        };
        Section {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            target: target.filter(|target| !target.is_empty()).map(str::to_owned),
            program_type,
            attach_type,
            // Programs of this type always may.
            sleepable: sleepable || prefix == "syscall",
            optional,
        }
    }
}

/// The prefixes that have a `.s` form.
fn may_sleep(prefix: &str) -> bool {
    matches!(
        prefix,
        "fentry"
            | "fexit"
            | "fmod_ret"
            | "fsession"
            | "iter"
            | "lsm"
            | "struct_ops"
            | "uprobe"
            | "uprobe.multi"
            | "uprobe.session"
            | "uretprobe"
            | "uretprobe.multi"
            | "usdt"
    )
}

/// The types that belong to a section: by its prefix, for some by what follows it too.
fn classify(prefix: &str, target: Option<&str>) -> Option<(ProgramType, AttachType)> {
    use AttachType as Attach;
    use ProgramType as Program;

    let types = match prefix {
        "kprobe" | "kretprobe" | "ksyscall" | "kretsyscall" | "uprobe" | "uretprobe" | "usdt" => {
            (Program::Kprobe, Attach::None)
        }
        "kprobe.multi" | "kretprobe.multi" => {
            (Program::Kprobe, Attach::Other("trace_kprobe_multi"))
        }
        "kprobe.session" => (Program::Kprobe, Attach::Other("trace_kprobe_session")),
        "uprobe.multi" | "uretprobe.multi" => {
            (Program::Kprobe, Attach::Other("trace_uprobe_multi"))
        }
        "uprobe.session" => (Program::Kprobe, Attach::Other("trace_uprobe_session")),
        "tracepoint" | "tp" => (Program::Tracepoint, Attach::None),
        "raw_tracepoint" | "raw_tp" => (Program::RawTracepoint, Attach::None),
        "raw_tracepoint.w" | "raw_tp.w" => {
            (Program::Other("raw_tracepoint_writable"), Attach::None)
        }
        "tp_btf" => (Program::Tracing, Attach::TraceRawTp),
        "fentry" => (Program::Tracing, Attach::TraceFentry),
        "fexit" => (Program::Tracing, Attach::TraceFexit),
        "fmod_ret" => (Program::Tracing, Attach::Other("modify_return")),
        "fsession" => (Program::Tracing, Attach::Other("trace_fsession")),
        "iter" => (Program::Tracing, Attach::Other("trace_iter")),
        "freplace" => (Program::Other("ext"), Attach::None),
        "lsm" => (Program::Other("lsm"), Attach::Other("lsm_mac")),
        "lsm_cgroup" => (Program::Other("lsm"), Attach::Other("lsm_cgroup")),
        "perf_event" => (Program::Other("perf_event"), Attach::None),
        "syscall" => (Program::Other("syscall"), Attach::None),
        "struct_ops" => (Program::Other("struct_ops"), Attach::None),
        "cgroup" => cgroup(target?)?,
        _ => return network(prefix, target),
    };
    Some(types)
}

/// The types of programs that see packets and sockets.
fn network(prefix: &str, target: Option<&str>) -> Option<(ProgramType, AttachType)> {
    let (program, attach) = match (prefix, target) {
        ("socket", _) => ("socket_filter", None),
        ("classifier" | "tc", None) => ("sched_cls", None),
        ("tc" | "tcx", Some("ingress")) => ("sched_cls", Some("tcx_ingress")),
        ("tc" | "tcx", Some("egress")) => ("sched_cls", Some("tcx_egress")),
        ("classifier" | "tc", Some(_)) => ("sched_cls", None),
        ("netkit", Some("primary")) => ("sched_cls", Some("netkit_primary")),
        ("netkit", Some("peer")) => ("sched_cls", Some("netkit_peer")),
        ("action", _) => ("sched_act", None),
        ("xdp" | "xdp.frags", Some("devmap")) => ("xdp", Some("xdp_devmap")),
        ("xdp" | "xdp.frags", Some("cpumap")) => ("xdp", Some("xdp_cpumap")),
        ("xdp" | "xdp.frags", _) => ("xdp", Some("xdp")),
        ("lwt_in", _) => ("lwt_in", None),
        ("lwt_out", _) => ("lwt_out", None),
        ("lwt_xmit", _) => ("lwt_xmit", None),
        ("lwt_seg6local", _) => ("lwt_seg6local", None),
        ("sockops", _) => ("sock_ops", Some("cgroup_sock_ops")),
        ("sk_skb", Some("stream_parser")) => ("sk_skb", Some("sk_skb_stream_parser")),
        ("sk_skb", Some("stream_verdict")) => ("sk_skb", Some("sk_skb_stream_verdict")),
        ("sk_skb", Some("verdict")) => ("sk_skb", Some("sk_skb_verdict")),
        ("sk_skb", _) => ("sk_skb", None),
        ("sk_msg", _) => ("sk_msg", Some("sk_msg_verdict")),
        ("sk_lookup", _) => ("sk_lookup", Some("sk_lookup")),
        ("sk_reuseport", Some("migrate")) => {
            ("sk_reuseport", Some("sk_reuseport_select_or_migrate"))
        }
        ("sk_reuseport", _) => ("sk_reuseport", Some("sk_reuseport_select")),
        ("flow_dissector", _) => ("flow_dissector", Some("flow_dissector")),
        ("netfilter", _) => ("netfilter", Some("netfilter")),
        ("lirc_mode2", _) => ("lirc_mode2", Some("lirc_mode2")),
        ("cgroup_skb", Some("ingress")) => ("cgroup_skb", Some("cgroup_inet_ingress")),
        ("cgroup_skb", Some("egress")) => ("cgroup_skb", Some("cgroup_inet_egress")),
        _ => return None,
    };
    let attach = attach.map_or(AttachType::None, AttachType::Other);
    Some((ProgramType::Other(program), attach))
}

/// The types of `cgroup/…` sections, which all share a prefix.
fn cgroup(hook: &str) -> Option<(ProgramType, AttachType)> {
    let (program, attach) = match hook {
        "skb" => return Some((ProgramType::Other("cgroup_skb"), AttachType::None)),
        "dev" => ("cgroup_device", "cgroup_device"),
        "sysctl" => ("cgroup_sysctl", "cgroup_sysctl"),
        "getsockopt" => ("cgroup_sockopt", "cgroup_getsockopt"),
        "setsockopt" => ("cgroup_sockopt", "cgroup_setsockopt"),
        "sock" | "sock_create" => ("cgroup_sock", "cgroup_inet_sock_create"),
        "sock_release" => ("cgroup_sock", "cgroup_inet_sock_release"),
        "post_bind4" => ("cgroup_sock", "cgroup_inet4_post_bind"),
        "post_bind6" => ("cgroup_sock", "cgroup_inet6_post_bind"),
        "bind4" => ("cgroup_sock_addr", "cgroup_inet4_bind"),
        "bind6" => ("cgroup_sock_addr", "cgroup_inet6_bind"),
        "connect4" => ("cgroup_sock_addr", "cgroup_inet4_connect"),
        "connect6" => ("cgroup_sock_addr", "cgroup_inet6_connect"),
        "connect_unix" => ("cgroup_sock_addr", "cgroup_unix_connect"),
        "sendmsg4" => ("cgroup_sock_addr", "cgroup_udp4_sendmsg"),
        "sendmsg6" => ("cgroup_sock_addr", "cgroup_udp6_sendmsg"),
        "sendmsg_unix" => ("cgroup_sock_addr", "cgroup_unix_sendmsg"),
        "recvmsg4" => ("cgroup_sock_addr", "cgroup_udp4_recvmsg"),
        "recvmsg6" => ("cgroup_sock_addr", "cgroup_udp6_recvmsg"),
        "recvmsg_unix" => ("cgroup_sock_addr", "cgroup_unix_recvmsg"),
        "getpeername4" => ("cgroup_sock_addr", "cgroup_inet4_getpeername"),
        "getpeername6" => ("cgroup_sock_addr", "cgroup_inet6_getpeername"),
        "getpeername_unix" => ("cgroup_sock_addr", "cgroup_unix_getpeername"),
        "getsockname4" => ("cgroup_sock_addr", "cgroup_inet4_getsockname"),
        "getsockname6" => ("cgroup_sock_addr", "cgroup_inet6_getsockname"),
        "getsockname_unix" => ("cgroup_sock_addr", "cgroup_unix_getsockname"),
        _ => return None,
    };
    Some((ProgramType::Other(program), AttachType::Other(attach)))
}

#[cfg(test)]
mod tests {
    use super::{AttachType, ProgramType, Section};

    fn types(name: &str) -> (Option<ProgramType>, AttachType) {
        let section = Section::parse(name);
        (section.program_type, section.attach_type)
    }

    #[test]
    fn takes_every_part_of_a_name() {
        assert_eq!(
            Section::parse("?fexit.s/get_rps_cpu"),
            Section {
                name: "?fexit.s/get_rps_cpu".to_owned(),
                prefix: "fexit".to_owned(),
                target: Some("get_rps_cpu".to_owned()),
                program_type: Some(ProgramType::Tracing),
                attach_type: AttachType::TraceFexit,
                sleepable: true,
                optional: true,
            }
        );
    }

    #[test]
    fn keeps_slashes_of_the_target() {
        let section = Section::parse("tracepoint/raw_syscalls/sys_enter");
        assert_eq!(section.prefix, "tracepoint");
        assert_eq!(section.target.as_deref(), Some("raw_syscalls/sys_enter"));
        let usdt = Section::parse("usdt//usr/lib/libc.so.6:libc:setjmp");
        assert_eq!(usdt.target.as_deref(), Some("/usr/lib/libc.so.6:libc:setjmp"));
    }

    #[test]
    fn has_no_target_without_a_slash_or_behind_it() {
        assert_eq!(Section::parse("kprobe").target, None);
        assert_eq!(Section::parse("kprobe/").target, None);
    }

    #[test]
    fn knows_sleepable_forms_only_where_libbpf_does() {
        assert!(Section::parse("uprobe.multi.s/x").sleepable);
        assert!(Section::parse("syscall").sleepable);
        let kprobe = Section::parse("kprobe.s/x");
        assert_eq!((kprobe.sleepable, kprobe.program_type), (false, None));
        assert_eq!(kprobe.prefix, "kprobe.s");
    }

    #[test]
    fn tells_types_apart() {
        use AttachType as Attach;
        use ProgramType as Program;
        for (name, program, attach) in [
            ("kprobe/x", Program::Kprobe, Attach::None),
            ("ksyscall/x", Program::Kprobe, Attach::None),
            ("kretprobe.multi/x*", Program::Kprobe, Attach::Other("trace_kprobe_multi")),
            ("kprobe.session/x*", Program::Kprobe, Attach::Other("trace_kprobe_session")),
            ("tp/sched/sched_switch", Program::Tracepoint, Attach::None),
            ("raw_tp/sys_enter", Program::RawTracepoint, Attach::None),
            ("raw_tp.w/x", Program::Other("raw_tracepoint_writable"), Attach::None),
            ("tp_btf/sys_enter", Program::Tracing, Attach::TraceRawTp),
            ("fentry/x", Program::Tracing, Attach::TraceFentry),
            ("iter.s/task", Program::Tracing, Attach::Other("trace_iter")),
            ("tc", Program::Other("sched_cls"), Attach::None),
            ("tcx/egress", Program::Other("sched_cls"), Attach::Other("tcx_egress")),
            ("xdp.frags", Program::Other("xdp"), Attach::Other("xdp")),
            (
                "cgroup/connect4",
                Program::Other("cgroup_sock_addr"),
                Attach::Other("cgroup_inet4_connect"),
            ),
        ] {
            assert_eq!(types(name), (Some(program), attach), "{name}");
        }
        for name in ["my_handlers", "", "?", "/x", "cgroup", "cgroup/x", "tcx", "kprobes/x"] {
            assert_eq!(types(name), (None, Attach::None), "{name}");
        }
    }
}
