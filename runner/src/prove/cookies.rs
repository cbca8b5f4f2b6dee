//! What comes with links: cookies, and whether links of perf events can be kept.

use crate::desired::Mechanism;
use crate::model::Hook;
use crate::prove::names::Numbering;
use crate::prove::trial::Trial;
use crate::text::codes::Code;
use crate::text::diagnostic::Diagnostic;

/// `BPF_LINK_TYPE_PERF_EVENT`.
const PERF_EVENT_LINK: u32 = 7;

/// Whether the kernel has cookies for a hook that has one, and can keep its link.
///
/// Perf events got links, and with them cookies, in 5.15 (b89fbfbb854c, 82e6b1eee6a8); trampolines got
/// cookies in 5.19 (2fcc82411e74), raw and BTF tracepoints in 6.10 (68ca5d4eebb8). What these commits
/// added to the kernel's own structures tells whether they are there.
pub(super) fn check(trial: &Trial<'_>, hook: &Hook) -> Vec<Diagnostic> {
    let kind = hook.kind.value;
    let mut found = Vec::new();
    let (lacks_cookies, since) = match kind.mechanism() {
        Mechanism::Trampoline => {
            // Newer kernels keep the cookie in the link's node (`struct bpf_tramp_node`, seen in 7.3).
            let places = ["bpf_tramp_link", "bpf_tramp_node"];
            (places.iter().all(|place| trial.kernel.lacks_member(place, "cookie")), "5.19")
        }
        Mechanism::RawTracepoint => {
            (trial.kernel.lacks_member("bpf_raw_tp_link", "cookie"), "6.10")
        }
        // What has `kprobe_multi` has its cookies, nearly (5.18); an iterator never has one.
        Mechanism::ManyFunctions | Mechanism::Iterator => (false, ""),
        Mechanism::PerfEvent => {
            let lacks_links = trial.kernel.lacks(Numbering::LinkType, PERF_EVENT_LINK);
            if lacks_links {
                found.push(not_kept(hook));
            }
            (lacks_links, "5.15")
        }
    };
    if hook.cookie.is_some() && lacks_cookies {
        found.push(
            Diagnostic::error(
                Code::UnsupportedCookie,
                hook.kind.span,
                format!("a kernel has no cookies for a {}", kind.name()),
            )
            .label("it has a cookie")
            .note(format!("they came with Linux {since}"))
            .help("leave `cookie` out, or let an alternative without it follow in `first_of`"),
        );
    }
    found
}

fn not_kept(hook: &Hook) -> Diagnostic {
    let kind = hook.kind.value.name();
    Diagnostic::remark(
        Code::NotKept,
        hook.kind.span,
        format!("`apply` can't keep a {kind} on a kernel before 5.15"),
    )
    .label("its link ends with the process that made it")
    .help(
        "`probe-runner run` holds it for as long as it runs; an alternative with fentry, fexit or \
         raw_tracepoint before it can be kept",
    )
}
