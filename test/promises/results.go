package main

import (
	"fmt"
	"io"
	"os"
)

// fromResults prints the table from the results of a run that is over, and then once more how many tests ran, if
// gotestsum says so.
func fromResults(w io.Writer, tests []*test, path string) error {
	if path == "-" {
		path = os.Getenv("GOTESTSUM_JSONFILE")
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_ = follow(file, tests, w) // gotestsum has printed it
	err = table(w, tests, shownOrSkipped)
	if total := os.Getenv("TESTS_TOTAL"); total != "" {
		fmt.Fprintf(w, "\nDONE %s tests%s in %s\n", total, counts(), os.Getenv("GOTESTSUM_ELAPSED"))
	}
	return err
}

// counts are those of gotestsum that are not zero.
func counts() string {
	var out string
	for _, c := range []struct{ variable, word string }{{"TESTS_SKIPPED", "skipped"}, {"TESTS_FAILED", "failed"}, {"TESTS_ERRORS", "errors"}} {
		if n := os.Getenv(c.variable); n != "" && n != "0" {
			out += ", " + n + " " + c.word
		}
	}
	return out
}
