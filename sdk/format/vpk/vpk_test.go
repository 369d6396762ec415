package vpk_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk/format/vpk"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

func open(t *testing.T, name string) *vpk.Reader {
	t.Helper()
	reader, err := vpk.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatalf("Open(%s): %v", name, err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return reader
}

func TestReadsGoodPacks(t *testing.T) {
	for name, want := range map[string]struct {
		version, files int
		lookup         string
		contains       string
	}{
		"campaign.v1.vpk":             {1, 6, "Missions/MyCampaign.TXT", `"mycamp_m1_Street"`},
		"campaign.v1.preload.vpk":     {1, 6, `missions\mycampaign.txt`, `"mycamp_m1_Street"`},
		"campaign.v2.vpk":             {2, 6, "missions/mycampaign.txt", `"mycamp_m1_Street"`},
		"part2-resources-only.v1.vpk": {1, 2, "ADDONINFO.TXT", "Part 2"},
		"no-extension.v1.vpk":         {1, 2, "readme", "no ext"},
	} {
		t.Run(name, func(t *testing.T) {
			reader := open(t, name)
			if reader.Version != want.version || len(reader.Files()) != want.files {
				t.Errorf("version %d, %d files; want %d, %d", reader.Version, len(reader.Files()), want.version, want.files)
			}
			if err := reader.Verify(t.Context()); err != nil {
				t.Errorf("Verify: %v", err)
			}
			file := reader.Lookup(want.lookup)
			if file == nil {
				t.Fatalf("Lookup(%q) found nothing", want.lookup)
			}
			data, err := file.ReadAll(1 << 20)
			if err != nil || !strings.Contains(string(data), want.contains) {
				t.Errorf("content %q, error %v; want it to contain %q", data, err, want.contains)
			}
		})
	}
}

func TestBlankStandsForAnEmptyPart(t *testing.T) {
	reader := open(t, "no-extension.v1.vpk")
	var names []string
	for _, file := range reader.Files() {
		names = append(names, file.Name)
	}
	if got := strings.Join(names, "|"); got != "README|dir/.hidden" {
		t.Errorf("names %q", got)
	}
}

func TestRefusesBrokenPacks(t *testing.T) {
	for name, want := range map[string]error{
		"broken.bad-magic.png.vpk":  vpk.ErrNotVPK,
		"broken.html.vpk":           vpk.ErrNotVPK,
		"broken.empty.vpk":          vpk.ErrNotVPK,
		"broken.truncated-tree.vpk": vpk.ErrTruncated,
		"broken.truncated-data.vpk": vpk.ErrTruncated,
		"broken.crc.vpk":            vpk.ErrChecksum,
	} {
		t.Run(name, func(t *testing.T) {
			if err := openAndVerify(t, name); !errors.Is(err, want) {
				t.Errorf("reader: %v, want %v", err, want)
			}
			data, err := os.ReadFile(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			if err := check(data, 7); !errors.Is(err, want) {
				t.Errorf("checker: %v, want %v", err, want)
			}
		})
	}
}

func openAndVerify(t *testing.T, name string) error {
	reader, err := vpk.Open(filepath.Join("testdata", name))
	if err != nil {
		return err
	}
	defer func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}()
	return reader.Verify(t.Context())
}

// check feeds data to a Checker in pieces.
func check(data []byte, piece int) error {
	checker := vpk.NewChecker(int64(len(data)))
	for rest := data; len(rest) > 0; {
		n := min(piece, len(rest))
		if _, err := checker.Write(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return checker.Finish()
}

func TestCheckerAgreesWithReaderForAnyPieceSize(t *testing.T) {
	files := []vpktest.File{
		{Name: "addoninfo.txt", Data: []byte(`"AddonInfo" {}`)},
		{Name: "maps/big.bsp", Data: []byte("0123456789abcdef"), Size: 100_003},
		{Name: "maps/empty.nav"},
		{Name: "materials/x/y.vmt", Data: []byte("vmt")},
	}
	for _, options := range []vpktest.Options{{}, {Version: 2}, {Preload: 5}, {Version: 2, Preload: 1000}} {
		data := vpktest.Bytes(files, options)
		reader, err := vpk.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatalf("%+v: %v", options, err)
		}
		if err := reader.Verify(t.Context()); err != nil {
			t.Errorf("%+v: Verify: %v", options, err)
		}
		for _, piece := range []int{1, 3, 11, 12, 13, 4096, len(data)} {
			if err := check(data, piece); err != nil {
				t.Errorf("%+v, pieces of %d: %v", options, piece, err)
			}
		}
		for _, cut := range []int{3, 11, 40, len(data) / 2, len(data) - 60} {
			if err := check(data[:cut], 5); err == nil {
				t.Errorf("%+v: a pack cut at %d passed", options, cut)
			}
		}
	}
}

func TestFalseTreeSizeIsRefused(t *testing.T) {
	good := vpktest.Bytes([]vpktest.File{{Name: "a/b.txt", Data: []byte("hello")}}, vpktest.Options{})
	for _, delta := range []int{-2, 1, 2, 5} {
		data := bytes.Clone(good)
		data[8] = byte(int(data[8]) + delta)
		if _, err := vpk.NewReader(bytes.NewReader(data), int64(len(data))); err == nil {
			if checkErr := check(data, 4); checkErr == nil {
				t.Errorf("a tree size that is wrong by %d passed", delta)
			}
		}
	}
	huge := bytes.Clone(good)
	copy(huge[8:], []byte{0xFF, 0xFF, 0xFF, 0x7F})
	if _, err := vpk.NewReader(bytes.NewReader(huge), int64(len(huge))); !errors.Is(err, vpk.ErrTruncated) {
		t.Errorf("huge tree: %v", err)
	}
}

func TestOverlappingFilesAreBounded(t *testing.T) {
	files := make([]vpktest.File, 200)
	for i := range files {
		files[i] = vpktest.File{Name: "d/" + string(rune('a'+i%26)) + strings.Repeat("x", i/26) + ".bin", Data: []byte{1}}
	}
	files[0].Size = 2 << 20
	data := vpktest.Bytes(files, vpktest.Options{})
	// Point every entry at the whole data section.
	for at := 12; at+18 <= len(data)-2<<20; at++ {
		if data[at] == 0xFF && data[at+1] == 0xFF && data[at-10] == 0xFF && data[at-9] == 0x7F {
			copy(data[at-8:], []byte{0, 0, 0, 0, 0, 0, 32, 0})
		}
	}
	reader, err := vpk.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.Verify(t.Context()); !errors.Is(err, vpk.ErrMalformed) {
		t.Errorf("Verify: %v", err)
	}
	if err := check(data, 1<<16); !errors.Is(err, vpk.ErrMalformed) {
		t.Errorf("Checker: %v", err)
	}
}

func TestSetOfParts(t *testing.T) {
	dir := t.TempDir()
	data := vpktest.Bytes([]vpktest.File{{Name: "maps/c1m1.bsp", Data: []byte("first map")}}, vpktest.Options{})
	tree := len(data) - len("first map")
	index := bytes.Index(data, []byte{0xFF, 0x7F})
	data[index], data[index+1] = 2, 0
	write(t, filepath.Join(dir, "pak01_dir.vpk"), data[:tree])
	write(t, filepath.Join(dir, "pak01_002.vpk"), []byte("first map"))
	reader, err := vpk.Open(filepath.Join(dir, "pak01_dir.vpk"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := reader.Lookup("maps/c1m1.bsp").ReadAll(100); err != nil || string(got) != "first map" {
		t.Errorf("content %q, %v", got, err)
	}
	if err := reader.Close(); err != nil {
		t.Error(err)
	}
	if err := check(data[:tree], 9); !errors.Is(err, vpk.ErrTruncated) {
		t.Errorf("as a single file: %v", err)
	}
}

func TestReadAllKeepsItsLimit(t *testing.T) {
	if _, err := open(t, "campaign.v1.vpk").Lookup("missions/mycampaign.txt").ReadAll(10); !errors.Is(err, vpk.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestDirectoryIsNotAPack(t *testing.T) {
	if _, err := vpk.Open(t.TempDir()); !errors.Is(err, vpk.ErrNotVPK) {
		t.Errorf("error %v", err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func FuzzReader(f *testing.F) {
	names, err := filepath.Glob("testdata/*.vpk")
	if err != nil || len(names) == 0 {
		f.Fatalf("seeds: %v, %v", names, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, 13)
	}
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		if len(data) > 1<<20 {
			return
		}
		checked := check(data, 1+abs(piece)%5000)
		reader, err := vpk.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if checked == nil {
				t.Fatalf("the reader refuses (%v) what the checker takes", err)
			}
			return
		}
		verified := reader.Verify(t.Context())
		if (verified == nil) != (checked == nil) {
			t.Fatalf("reader: %v; checker: %v", verified, checked)
		}
		for _, file := range reader.Files() {
			if from, err := file.Open(); err == nil {
				if n, _ := io.Copy(io.Discard, from); n > file.Size {
					t.Fatalf("%q: %d bytes, more than its size %d", file.Name, n, file.Size)
				}
			}
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
