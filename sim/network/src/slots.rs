//! Storage whose keys are never valid again once their value is gone.

/// Names one value of one [`Slots`], ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    index: u32,
    generation: u32,
}

impl Slot {
    /// Names nothing, ever.
    pub(crate) const NONE: Self = Self {
        index: u32::MAX,
        generation: 0,
    };
}

/// A vector with reused places and generation-checked keys.
#[derive(Debug)]
pub(crate) struct Slots<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Place<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Slots<T> {
    pub(crate) const fn new() -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, value: T) -> Slot {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize];
            place.value = Some(value);
            return Slot {
                index,
                generation: place.generation,
            };
        }
        let index = u32::try_from(self.places.len()).expect("fewer than 2^32 values at once");
        self.places.push(Place {
            generation: 0,
            value: Some(value),
        });
        Slot {
            index,
            generation: 0,
        }
    }

    pub(crate) fn remove(&mut self, slot: Slot) -> Option<T> {
        let place = self.places.get_mut(slot.index as usize)?;
        if place.generation != slot.generation {
            return None;
        }
        let value = place.value.take()?;
        place.generation = place.generation.wrapping_add(1);
        self.free.push(slot.index);
        Some(value)
    }

    pub(crate) fn peek(&self, slot: Slot) -> Option<&T> {
        let place = self.places.get(slot.index as usize)?;
        if place.generation == slot.generation {
            place.value.as_ref()
        } else {
            None
        }
    }

    pub(crate) fn peek_mut(&mut self, slot: Slot) -> Option<&mut T> {
        let place = self.places.get_mut(slot.index as usize)?;
        if place.generation == slot.generation {
            place.value.as_mut()
        } else {
            None
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Drops every value; keys handed out before stay invalid.
    pub(crate) fn clear(&mut self) {
        self.free.clear();
        for (index, place) in self.places.iter_mut().enumerate().rev() {
            if place.value.take().is_some() {
                place.generation = place.generation.wrapping_add(1);
            }
            self.free
                .push(u32::try_from(index).expect("indices fit when inserted"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_dead_once_its_value_is_gone() {
        let mut slots = Slots::new();
        let first = slots.insert("first");
        assert_eq!(slots.remove(first), Some("first"));
        let second = slots.insert("second");
        assert_eq!(slots.peek(first), None);
        assert_eq!(slots.peek(second), Some(&"second"));
        slots.clear();
        assert_eq!((slots.peek(second), slots.len()), (None, 0));
    }
}
