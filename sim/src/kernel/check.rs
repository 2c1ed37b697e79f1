//! What the kernel's tests share.
