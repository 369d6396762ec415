// Package overlayscript is the builder plugin "overlay-script": it makes overlays by running scripts
// that people wrote, in a sandbox.
package overlayscript
