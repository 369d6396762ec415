package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// promises is what must hold, S1 first.
var promises = []string{
	"One command makes a fresh host, and is safe to run again",
	"Migrations run by themselves; a failed one leaves the old schema",
	"Session cookie is Secure, with an opt-out",
	"Mounts are seen by the host and every unit; agent and panel stay hardened",
	"The mounter is told ids, never paths; refuses foreign uppers; idempotent",
	"Workshop items: one cache, links of others left alone, no start without a VPK",
	"Long work is jobs with live logs; refreshes coalesce",
	"Moving files between file systems works",
	"Scripts run in a sandbox as their own user, within limits, all or nothing",
	"The sandbox is hardened and sees nothing of the host",
	"Scripts reach the public internet only, with DNS",
	"Databases have tight modes, are mended, and cannot be read by scripts and games",
	"Left-over directories do no harm; ids are never reused; orphans are shown",
	"Live streams cost almost nothing and lose nothing",
	"Example overlays are seeded by a command that upserts",
	"New settings reach existing hosts; edits, secrets and sessions stay",
	"Overlays of a type that is gone stay visible and deletable",
	"Servers survive restarts of everything and come back after a reboot",
	"The panel: accounts, overlays, blueprints, servers, jobs, logs",
}

// demand says whether the results of a promise's tests, counted, are good enough.
type demand func(count map[string]int) bool

func listed(map[string]int) bool { return true }

func shown(count map[string]int) bool { return count["pass"] > 0 && count["fail"] == 0 }

// shownOrSkipped is for where not every test can run.
func shownOrSkipped(count map[string]int) bool {
	return count["pass"]+count["skip"] > 0 && count["fail"] == 0
}

// table prints each promise with the tests that show it. It fails when one has none, or results that are not enough.
func table(w io.Writer, tests []*test, enough demand) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "ID\tSHOWN BY\tPASS\tFAIL\tSKIP\tPROMISE")
	var open []string
	for i, text := range promises {
		count := map[string]int{}
		carry := 0
		for _, t := range tests {
			if slices.Contains(t.promises, i+1) {
				carry++
				count[t.result]++
			}
		}
		if carry == 0 || !enough(count) {
			open = append(open, fmt.Sprintf("S%d", i+1))
		}
		fmt.Fprintf(out, "S%d\t%d tests\t%d\t%d\t%d\t%s\n", i+1, carry, count["pass"], count["fail"], count["skip"], text)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if len(open) > 0 {
		return fmt.Errorf("not shown: %v", open)
	}
	return nil
}

// names prints each test with the promises it shows.
func names(w io.Writer, tests []*test) {
	for _, t := range tests {
		fmt.Fprintf(w, "%v %s %s\n", t.promises, t.dir, t.name)
	}
}
