// Package overlay is the builder: it makes an overlay's content from Workshop items.
//
// # What a build does
//
//  1. Resolve the listed ids: collections become their items, nested up to three deep, each item once.
//  2. Ask about the items, 100 in a call.
//  3. Compare with the manifest in the staging tree. An item changed if the id of its content or its size did;
//     edits of title or description change nothing.
//  4. Download what neither tree nor cache has, checked while it arrives.
//  5. Place the new files as left4dead2/addons/<id>.vpk, remove files that are no longer listed, write the manifest.
//
// If nothing is to do after step 3, the tree is not touched and the result says "unchanged".
//
// # What is the builder's own
//
// The manifest, .left4me/items.json at the root of the tree, lists every file that the builder made.
// It is part of the revision, so it goes back with a rollback and is gone after a wipe. Files that it does not
// list are left alone, even at the name of an item; then the item is reported and not placed.
//
// # When an item is missing
//
// A server must not start over an overlay that lacks a file people count on, and one bad item must not keep a
// collection of hundreds from being updated. So two cases are kept apart:
//
//   - Unobtainable: Steam says that there is nothing to have. The item is removed, private, banned, made for another
//     game, its file is gone or is no VPK, or it needs steamcmd and there is none. It is reported as a warning and
//     listed in the annotation workshop.missing; the rest is built without it. A version that an
//     earlier revision or the cache has is kept in its place (but not of another game's item).
//   - Failed: it should be there, but could not be fetched now. If the tree has an older version, that stays, with a
//     warning. Otherwise the build fails as unavailable when everything else was fetched into the cache, so that
//     the next attempt is short; the earlier revision stays what servers use.
//
// A build in which no item at all could be had fails. A pinned item counts as failed, never as a
// silent change of version, if its version cannot be had.
//
// The annotations workshop.files.00, .01, … list the ids whose <id>.vpk a revision must hold, separated by commas; whoever
// mounts the revision can hold the tree against them.
//
// # Names and pictures
//
// Names of authors and preview pictures are no content: they are fetched beside the build, kept in the cache (package about)
// and handed out by Describe and Picture. No failure of theirs is one of the build, and an unchanged build can complete
// them without a new revision.
package overlay
