// Package tree measures and compares directory trees that do not change meanwhile.
package tree
