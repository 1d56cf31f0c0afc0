//! Cuts a container's network off, but for its loopback and whom the policy lets it reach.

use seawall_policy::ResponseSettings;

use super::Doing;
use crate::machine::Located;
use crate::netfilter::{self, Barrier, Wanted};
use crate::receipt::{Outcome, Receipt, ReceiptError, Standing, Undo};

/// Isolates the container of a receipt; the barrier is in force while it is held.
pub(crate) fn isolate(
    doing: &Doing<'_>,
    receipt: &mut Receipt,
    located: &Located,
    settings: &ResponseSettings,
    own: u32,
) -> Result<Option<Barrier>, ReceiptError> {
    receipt.how_to_undo = format!("seawall respond undo {}", receipt.id);
    let proc = &doing.machine.proc;
    let Some((pid, _)) = &located.process else {
        receipt.fail(format!("no process of {} was found ({})", located.label(), located.said));
        return Ok(None);
    };
    let found = proc.namespace(*pid, "net").and_then(|inode| {
        let namespace = netfilter::open(&proc.path(*pid, "ns/net"))?;
        Ok((inode, namespace, proc.interfaces(*pid)?))
    });
    let (inode, namespace, interfaces) = match found {
        Ok(found) => found,
        Err(error) => {
            receipt.fail(format!("cannot look into the network of process {pid}: {error}"));
            return Ok(None);
        }
    };
    let is_shared = |other: u32| proc.namespace(other, "net").is_ok_and(|other| other == inode);
    if is_shared(1) || is_shared(own) {
        receipt.refuse("it shares the host's network, which would be cut off with it");
        return Ok(None);
    }
    // The number may have become another's since: what was opened counts.
    if doing.machine.cgroups_within(*pid, &located.identity.id).is_none() {
        receipt.fail(format!("process {pid} of {} has ended", located.label()));
        return Ok(None);
    }
    let table = receipt.id.table();
    let others: Vec<String> = interfaces.iter().filter(|name| *name != "lo").cloned().collect();
    let reachable: Vec<String> = settings.reachable.iter().map(ToString::to_string).collect();
    let but = if reachable.is_empty() { String::new() } else { format!(" and {}", reachable.join(", ")) };
    let what = format!(
        "drop every packet in network namespace {inode} of {} but those of its loopback{but}: nf_tables tables `inet {table}` \
         and, on {}, `netdev {table}`",
        located.label(),
        if others.is_empty() { "no interface".to_owned() } else { others.join(", ") }
    );
    receipt.undo = Undo::Connect { table: table.clone(), namespace: inode };
    if doing.is_rehearsal() {
        receipt.outcome = Outcome::Rehearsed;
        receipt.steps.push(format!("would {what}"));
        return Ok(None);
    }
    receipt.standing = Standing::Holds;
    (doing.note)(receipt)?;
    let wanted = Wanted {
        table: &table,
        interfaces: &interfaces,
        reachable: &settings.reachable,
        after_death: settings.after_death,
    };
    match Barrier::raise(&namespace, &wanted) {
        Ok((barrier, lacks)) => {
            receipt.outcome = Outcome::Done;
            receipt.steps.push(format!("made the kernel {what}"));
            receipt.steps.extend(lacks);
            Ok(Some(barrier))
        }
        Err(error) => {
            receipt.standing = Standing::Past;
            receipt.fail(format!("nf_tables refuses: {error}"));
            Ok(None)
        }
    }
}
