package config

import (
	"fmt"
	"strings"
)

// suggest returns the next step for a word that is not among known.
func suggest(word string, known []string) string {
	best, distance := "", 3 // farther is no typing error
	for _, candidate := range known {
		if d := editDistance(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	list := "There are: " + strings.Join(known, ", ") + "."
	if best != "" && distance < len(word) {
		return fmt.Sprintf("Did you mean %q? %s", best, list)
	}
	return list
}

// editDistance counts the insertions, deletions and replacements of bytes between a and b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
