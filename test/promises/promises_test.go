package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCarried(t *testing.T) {
	for _, tt := range []struct {
		name, comment string
		want          []int
	}{
		{"TestS01X", "", []int{1}},
		{"TestX", "The way back (S2, S19).", []int{2, 19}},
		{"TestS04X", "S4: twice is once.", []int{4}},
		{"TestS3Client", "SHA256 and S3cmd are no promises.", nil},
	} {
		if got, err := carried(tt.name, tt.comment); err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%s %q: %v, %v", tt.name, tt.comment, got, err)
		}
	}
	if got, err := carried("TestX", "S20"); err == nil {
		t.Errorf("a promise that is none: %v", got)
	}
}

func TestFindAndFollow(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"x_test.go":          "package x\n\n// S5.\nfunc TestOne(t *testing.T) {}\n\nfunc TestTwo(t *testing.T) {}\n\nfunc TestS07Three(t *testing.T) {}\n",
		"testdata/y_test.go": "not Go",
		".hidden/z_test.go":  "not Go",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tests, err := find(dir)
	if err != nil || len(tests) != 2 {
		t.Fatalf("%v, %v", tests, err)
	}
	failed := follow(strings.NewReader(`{"Action":"output","Test":"TestOne","Output":"why it fails\n"}
{"Action":"fail","Test":"TestOne"}
not JSON
{"Action":"pass","Test":"TestS07Three"}
{"Action":"pass","Test":"TestOther"}`), tests)
	if !strings.Contains(failed, "why it fails") || tests[0].result != "fail" || tests[1].result != "pass" {
		t.Errorf("%q %v %v", failed, *tests[0], *tests[1])
	}
}

func TestTableNamesWhatIsNotShown(t *testing.T) {
	var all []*test
	for i := range promises {
		all = append(all, &test{promises: []int{i + 1}, result: "pass"})
	}
	var out bytes.Buffer
	if err := table(&out, all, false); err != nil {
		t.Error(err)
	}
	for _, result := range []string{"", "fail", "skip"} {
		all[2].result = result
		if err := table(&out, all, false); err == nil || !strings.Contains(err.Error(), "[S3]") {
			t.Errorf("%q: %v", result, err)
		}
	}
}
