// Package watch ends a run that goes on for too long or fills the disk, for every kind of sandbox.
package watch
