// Package disk is the content tree: which directory is what, and the small files beside the content
// that tell where it came from.
//
//	<root>/overlays/<overlay>/<revision>/          immutable
//	<root>/overlays/<overlay>/.rev-<revision>.json its record
//	<root>/installations/<release>/                immutable, record as above
//	<root>/builds/<build>/{private/upper,work,tree,base}
//	<root>/servers/<server>/{upper,work,tree}
//	.gone-<random>, beside what it was             renamed away, being deleted
//
// An id never starts with a dot, so names with a dot are ours. A build's upper lies in a directory
// that only the mounter enters: whoever builds reaches it through the overlayfs mount and in no other
// way, so nothing can write to it once that mount has ended.
package disk
