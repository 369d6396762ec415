// Command overlay-http is a left4me plugin: a builder whose overlays are the content of one archive at a fixed address, which
// must have a fixed checksum.
//
// It is an example of a plugin that deals with the network and with files of strangers: downloads go on where they broke off,
// are kept by checksum, and count only when they are verified; archives are unpacked beneath an os.Root, within the limits, and
// without links, devices or modes of their own.
package main

import "github.com/left4me/left4me/sdk"

func main() { sdk.Serve(newPlugin()) }
