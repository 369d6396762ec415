// Package game is the builder that gets the dedicated server of Left 4 Dead 2 from Steam.
//
// It fills a staging tree, as every builder does; the agent makes the result a release instead of a revision. So
// steamcmd, which writes in place, only ever writes into the upper directory of a staging tree: a release that
// servers have mounted cannot be touched, and what did not change is shared with the release before.
//
// # What a build does
//
//  1. Ask Steam which build the branch is at. When the tree holds it already the result is "unchanged".
//  2. Hold the free space against what the download needs.
//  3. Run app_update. A first installation asks for the files of Windows and then for those of Linux, because since
//     November 2024 an anonymous installation for Linux alone fails; an update asks for Linux alone and falls back.
//  4. Try again as the error says: wait, or have every file checked, or ask for both platforms.
//  5. Look whether the game is whole: app manifest, depots, the programs that a server needs.
//
// # What a plan says
//
// The cache key of a plan is the build that Steam has; it differs from that of the present release when an update
// is due. It also differs when UpToDateCheck, which knows the game's own version, calls the release too old.
package game
