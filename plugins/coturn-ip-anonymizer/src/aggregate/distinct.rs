//! How many different values there were, in bounded memory: exact up to 1,024, then an estimate.

const EXACT: usize = 1024;
const TABLE: usize = EXACT * 2;
const REGISTERS: usize = 1 << 14;

/// Counts different 64-bit hashes in 32 KiB. Beyond 1,024 it is HyperLogLog (Flajolet et al.
/// 2007) with 16,384 registers, standard error 0.8 %.
pub struct Distinct {
    /// Open addressing; 0 is empty.
    table: Vec<u64>,
    exact: usize,
    registers: Vec<u8>,
}

impl std::fmt::Debug for Distinct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Distinct({})", self.count())
    }
}

impl Default for Distinct {
    fn default() -> Self {
        Self { table: vec![0; TABLE], exact: 0, registers: vec![0; REGISTERS] }
    }
}

impl Distinct {
    /// Note a value by its hash.
    pub fn add(&mut self, hash: u64) {
        let hash = mix(hash).max(1);
        let register = (hash >> 50) as usize;
        let rank = ((hash << 14) | 1 << 13).leading_zeros() as u8 + 1;
        self.registers[register] = self.registers[register].max(rank);
        if self.exact > EXACT {
            return;
        }
        let mut at = hash as usize % TABLE;
        while self.table[at] != 0 {
            if self.table[at] == hash {
                return;
            }
            at = (at + 1) % TABLE;
        }
        self.table[at] = hash;
        self.exact += 1;
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        if self.exact <= EXACT {
            return self.exact as u64;
        }
        let m = REGISTERS as f64;
        let sum: f64 = self.registers.iter().map(|r| (-f64::from(*r)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        let zeros = self.registers.iter().filter(|r| **r == 0).count();
        let counted = if estimate <= 2.5 * m && zeros > 0 { m * (m / zeros as f64).ln() } else { estimate };
        counted.round() as u64
    }

    /// Forget all.
    pub fn clear(&mut self) {
        self.table.fill(0);
        self.registers.fill(0);
        self.exact = 0;
    }
}

/// Spread the bits (the finaliser of MurmurHash3).
fn mix(mut h: u64) -> u64 {
    h ^= h >> 33;
    h = h.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    h ^= h >> 33;
    h = h.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    h ^ (h >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_when_few_and_close_when_many() {
        let mut distinct = Distinct::default();
        for i in 0..3000u64 {
            distinct.add(i % 1000);
        }
        assert_eq!(distinct.count(), 1000);
        for i in 0..1_000_000u64 {
            distinct.add(i);
        }
        let error = (distinct.count() as f64 / 1e6 - 1.0).abs();
        assert!(error < 0.03, "{error}");
        distinct.clear();
        assert_eq!(distinct.count(), 0);
    }
}
