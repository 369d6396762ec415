package main

import (
	"errors"
	"slices"
	"strings"
)

// configFlag takes "--config FILE" or "--config=FILE" out of the command line.
func configFlag(args []string) (file string, rest []string, err error) {
	const name = "--config"
	for i, arg := range args {
		if i == 0 {
			continue
		}
		if value, is := strings.CutPrefix(arg, name+"="); is && value != "" {
			return value, slices.Delete(slices.Clone(args), i, i+1), nil
		}
		if arg != name && arg != name+"=" {
			continue
		}
		if i+1 == len(args) {
			return "", nil, errors.New(`--config needs a file: mounter-kernel --config /etc/left4me/mounter.json`)
		}
		return args[i+1], slices.Delete(slices.Clone(args), i, i+2), nil
	}
	return "", args, nil
}
