package main

import (
	"bytes"
	"fmt"
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
	var measured strings.Builder
	failed := follow(strings.NewReader(strings.ReplaceAll(`{"Action":"output","Package":"P","Test":"TestOne","Output":"why it fails\n"}
{"Action":"pass","Package":"example.org/another","Test":"TestOne"}
{"Action":"fail","Package":"P","Test":"TestOne"}
not JSON
{"Action":"output","Package":"P","Test":"TestS07Three","Output":"    x_test.go:12: S7: it took 3 s\n"}
{"Action":"output","Package":"P","Test":"TestS07Three","Output":"    x_test.go:13: not of S7\n"}
{"Action":"pass","Package":"P","Test":"TestS07Three"}
{"Action":"pass","Package":"example.org/another","Test":"TestS07Three"}
{"Action":"fail","Package":"example.org/another","Test":"TestS07Three"}
{"Action":"pass","Package":"P","Test":"TestOther"}`, `"P"`, `"example.org/module/`+filepath.ToSlash(dir)+`"`)), tests, &measured)
	if !strings.Contains(failed, "why it fails") || tests[0].result != "fail" || tests[1].result != "pass" {
		t.Errorf("%q %v %v", failed, *tests[0], *tests[1])
	}
	if got := measured.String(); got != "   S7: it took 3 s\n" {
		t.Errorf("measured %q", got)
	}
}

func TestTableNamesWhatIsNotShown(t *testing.T) {
	var all []*test
	for i := range promises {
		all = append(all, &test{promises: []int{i + 1}, result: "pass"})
	}
	var out bytes.Buffer
	for _, enough := range []demand{shown, shownOrSkipped} {
		if err := table(&out, all, enough); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		result                string
		shown, shownOrSkipped bool
	}{{"", false, false}, {"fail", false, false}, {"skip", false, true}} {
		all[2].result = tt.result
		for _, c := range []struct {
			enough demand
			want   bool
		}{{shown, tt.shown}, {shownOrSkipped, tt.shownOrSkipped}} {
			if err := table(&out, all, c.enough); (err == nil) != c.want || (err != nil && !strings.Contains(err.Error(), "[S3]")) {
				t.Errorf("%q: %v", tt.result, err)
			}
		}
	}
}

// The table of a run that is over ends with how many tests ran.
func TestFromResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	var all []*test
	var events strings.Builder
	for i := range promises {
		one := &test{dir: "test/x", name: fmt.Sprintf("TestX%d", i), promises: []int{i + 1}}
		all = append(all, one)
		fmt.Fprintf(&events, "{\"Action\":\"pass\",\"Package\":\"example.org/test/x\",\"Test\":%q}\n", one.name)
	}
	if err := os.WriteFile(path, []byte(events.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GOTESTSUM_JSONFILE": path, "TESTS_TOTAL": "1234", "TESTS_SKIPPED": "5", "TESTS_FAILED": "0", "GOTESTSUM_ELAPSED": "7.000s",
	} {
		t.Setenv(name, value)
	}
	var out strings.Builder
	if err := fromResults(&out, all, "-"); err != nil {
		t.Error(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; last != "DONE 1234 tests, 5 skipped in 7.000s" || !strings.Contains(out.String(), "S19  1 tests   1 ") {
		t.Errorf("%s", out.String())
	}
	if err := fromResults(&out, all, path+".not"); err == nil {
		t.Error("no results, and no error")
	}
}
