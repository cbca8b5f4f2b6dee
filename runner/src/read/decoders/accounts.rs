//! Users and groups by their ids.
//!
//! A statically linked glibc loads the modules of `/etc/nsswitch.conf` into a process that isn't
//! made for them and dies of it (seen with `passwd: files systemd` for an id that no file lists). A
//! static build therefore reads the two files itself and knows no accounts from elsewhere.

use std::fs;

use nix::unistd::{Gid, Group, Uid, User};

use crate::read::decoders::{Lookups, plain};
use crate::read::value::Value;

const STATIC: bool = cfg!(target_feature = "crt-static");

pub(super) fn user(id: i128, lookups: &mut Lookups) -> Value {
    let name = lookups.users.get(id, || {
        let id = u32::try_from(id).ok()?;
        if STATIC {
            return listed(&fs::read_to_string("/etc/passwd").ok()?, id);
        }
        User::from_uid(Uid::from_raw(id)).ok()?.map(|user| user.name)
    });
    name.map_or(plain(id), Value::Text)
}

pub(super) fn group(id: i128, lookups: &mut Lookups) -> Value {
    let name = lookups.groups.get(id, || {
        let id = u32::try_from(id).ok()?;
        if STATIC {
            return listed(&fs::read_to_string("/etc/group").ok()?, id);
        }
        Group::from_gid(Gid::from_raw(id)).ok()?.map(|group| group.name)
    });
    name.map_or(plain(id), Value::Text)
}

/// The name in lines of `name:password:id…`, as passwd(5) and group(5) have them.
fn listed(lines: &str, id: u32) -> Option<String> {
    lines.lines().find_map(|line| {
        let mut parts = line.split(':');
        let name = parts.next()?;
        (parts.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use crate::desired::Decoder;
    use crate::read::Value;
    use crate::read::decoders::accounts::listed;
    use crate::read::sample::{decoded, unsigned};

    fn shown(decoder: &Decoder, id: u32) -> Value {
        decoded(decoder, &unsigned(4), &id.to_le_bytes())
    }

    #[test]
    fn known_ids_have_names_and_others_stay_numbers() {
        assert_eq!(shown(&Decoder::User, 0), Value::Text("root".into()));
        assert_eq!(shown(&Decoder::Group, 0), Value::Text("root".into()));
        assert_eq!(shown(&Decoder::User, 0xfff0_0001), Value::Unsigned(0xfff0_0001));
        assert_eq!(shown(&Decoder::Group, 0xfff0_0001), Value::Unsigned(0xfff0_0001));
    }

    #[test]
    fn the_files_lines() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\n\n# odd\n+::::::\nweb:x:33:1000::/:/bin/false";
        assert_eq!(listed(passwd, 0).as_deref(), Some("root"));
        assert_eq!(listed(passwd, 33).as_deref(), Some("web"));
        assert_eq!(listed(passwd, 1000), None);
        assert_eq!(listed("audio:x:29:", 29).as_deref(), Some("audio"));
    }
}
