//! Makes a text of a string of the catalog that may be in the encoding of another database.

use pgrx::datum::{AnyElement, FromDatum};
use pgrx::{pg_extern, pg_sys};

use crate::pg::text;

#[pg_extern(sql = false)]
fn readable(string: &[u8]) -> Option<AnyElement> {
    // SAFETY: a text of our own, of that type.
    unsafe { AnyElement::from_polymorphic_datum(text::text_of(string), false, pg_sys::TEXTOID) }
}
