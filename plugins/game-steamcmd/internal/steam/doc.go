// Package steam reads what steamcmd and Steam say about an app: lines of output, app manifests, app
// information, steam.inf, and the answer of UpToDateCheck. It does no I/O.
//
// The formats are not documented by Valve; they are taken from transcripts, which are in testdata.
package steam
