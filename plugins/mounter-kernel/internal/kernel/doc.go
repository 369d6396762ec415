// Package kernel is the mounter: it stages, admits and mounts with the Linux kernel's own overlayfs.
//
// The kernel's mount table is the truth about mounts and the content tree about content; the process
// keeps nothing in memory that matters, so it can be killed at any moment and started again. What it
// finds half done is repaired when it is configured, or by the next call about the same thing.
package kernel
