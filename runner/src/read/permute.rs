//! Things of the same size, put in another order within their memory.

/// Moves things of `size` bytes to where they are in `order`, which afterwards is that of their new places. Within their
/// memory, since new memory takes longer to be had than to be filled.
pub(super) fn permute(bytes: &mut [u8], size: usize, order: &mut [u32]) {
    let mut held = Vec::with_capacity(size);
    for start in 0..order.len() {
        if order[start] as usize == start {
            continue;
        }
        // Each thing makes room for the next one, until that is where the one held goes.
        held.clear();
        held.extend_from_slice(&bytes[start * size..][..size]);
        let mut to = start;
        loop {
            let from = order[to] as usize;
            order[to] = to as u32;
            if from == start {
                break;
            }
            bytes.copy_within(from * size..(from + 1) * size, to * size);
            to = from;
        }
        bytes[to * size..][..size].copy_from_slice(&held);
    }
}
