// Package admit turns what a builder left in an overlayfs upper, over its base, into content.
//
// [Inspect] only reads: it checks each new entry against the rules and counts. [Plan.Compose] makes
// the new tree. What did not change is shared with the base by hard link, what is new is linked from
// the upper, so no data is copied and the upper stays whole until the new tree has its name.
//
// Nobody else can write to base, upper or target meanwhile; the caller sees to that.
package admit
