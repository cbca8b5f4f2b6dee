//! Damage of the kinds that tell something, the same in every run.

/// A small generator of numbers (xorshift).
pub struct Random(u64);

impl Random {
    /// A generator; the seed is any number but 0.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// Changes some bytes, rarely also the length.
    pub fn damage(&mut self, original: &[u8]) -> Vec<u8> {
        let telling = [0, 1, 8, 0xff, 0xffff, i32::MAX.cast_unsigned(), 1 << 31, u32::MAX];
        let mut bytes = original.to_vec();
        let end = bytes.len().saturating_sub(4).max(1);
        for _ in 0..=self.below(8) {
            let (at, other) = (self.below(end), self.below(end));
            match self.below(4) {
                // Ids and offsets are small numbers: those of neighbours are the most telling.
                0 => bytes[at] = bytes[at].wrapping_add(1),
                1 => bytes[at] = self.below(256) as u8,
                2 if bytes.len() > 4 => {
                    let number: u32 = telling[self.below(telling.len())];
                    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
                }
                3 if bytes.len() > 4 => bytes.copy_within(other..other + 4, at),
                _ => {}
            }
        }
        if self.below(50) == 0 {
            bytes.truncate(self.below(original.len().max(1)));
        }
        bytes
    }

    /// Moves and repeats lines, words and characters of a text.
    pub fn shuffle(&mut self, original: &str) -> String {
        let mut text = original.to_owned();
        for _ in 0..=self.below(4) {
            let separator = ["\n", " ", ""][self.below(3)];
            let mut parts: Vec<&str> = text.split(separator).collect();
            let (from, to) = (self.below(parts.len()), self.below(parts.len()));
            let part = parts[from];
            match self.below(3) {
                0 => parts.insert(to, part),
                1 => parts[to] = part,
                _ => {
                    parts.remove(to);
                }
            }
            text = parts.join(separator);
        }
        text
    }
}
