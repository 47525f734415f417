//! Letters, tone marks and marks of normalized text.
