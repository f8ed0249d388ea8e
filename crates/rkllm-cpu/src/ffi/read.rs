//! Reads what callers pass by pointer.

use std::ffi::{CStr, c_char};

use crate::error::Error;

/// A NUL-terminated UTF-8 text.
///
/// # Safety
///
/// `pointer` must be null or point to a NUL-terminated string that lives and stays as it is for
/// `'t`.
pub(super) unsafe fn text<'t>(
    pointer: *const c_char,
    what: &'static str,
) -> Result<&'t str, Error> {
    // SAFETY: the caller's promise.
    unsafe { c_str(pointer, what)? }.to_str().map_err(|_| Error::NotUtf8 { what })
}

/// A NUL-terminated string.
///
/// # Safety
///
/// As for [`text`].
pub(super) unsafe fn c_str<'t>(
    pointer: *const c_char,
    what: &'static str,
) -> Result<&'t CStr, Error> {
    if pointer.is_null() {
        return Err(Error::Null(what));
    }
    // SAFETY: not null, and the caller's promise.
    Ok(unsafe { CStr::from_ptr(pointer) })
}

/// `count` values in a row.
///
/// # Safety
///
/// `pointer` must be null or point to `count` values that live and stay as they are for `'t`.
pub(super) unsafe fn slice<'t, T>(
    pointer: *const T,
    count: usize,
    what: &'static str,
) -> Result<&'t [T], Error> {
    if count == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(Error::Null(what));
    }
    // No object is larger than this, so such a count is no count.
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Error::TooLong { what });
    }
    // SAFETY: not null, of possible size, and the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(pointer, count) })
}

/// A C `bool`, which may hold any number if the caller did not set it.
///
/// # Safety
///
/// `pointer` must point to a readable byte.
pub(super) unsafe fn flag(pointer: *const bool) -> bool {
    // SAFETY: the caller's promise; any byte is a valid `u8`, unlike `bool`.
    unsafe { pointer.cast::<u8>().read() != 0 }
}

/// Copies as much of `values` as fits, and returns how many there are.
///
/// # Safety
///
/// `target` must be null or point to room for `capacity` values.
pub(super) unsafe fn copy_out<T: Copy>(
    values: &[T],
    (target, capacity): (*mut T, usize),
    what: &'static str,
) -> Result<i64, Error> {
    let count = values.len().min(capacity);
    if count > 0 {
        if target.is_null() {
            return Err(Error::Null(what));
        }
        // SAFETY: `target` has room for `capacity` values and is the caller's own memory.
        unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), target, count) };
    }
    i64::try_from(values.len()).map_err(|_| Error::TooLong { what })
}
