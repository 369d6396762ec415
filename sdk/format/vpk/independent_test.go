package vpk_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/sdk/format/internal/independent"
	"github.com/left4me/left4me/sdk/format/vpk"
	"github.com/left4me/left4me/sdk/format/vpk/vpktest"
)

// listed is what both readers tell about a file.
type listed struct {
	CRC  uint32 `json:"crc"`
	Size int64  `json:"size"`
}

// Our reader and one made by others list the same files, sizes and sums: of the fixtures that are whole, and of a hundred packs
// made at random, in both versions, with preload and with empty parts of names.
func TestAgainstAnotherReader(t *testing.T) {
	var files []string
	for _, name := range []string{"campaign.v1.vpk", "campaign.v1.preload.vpk", "campaign.v2.vpk", "no-extension.v1.vpk", "part2-resources-only.v1.vpk", "broken.crc.vpk"} {
		files = append(files, filepath.Join("testdata", name))
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100 {
		path := filepath.Join(t.TempDir(), "pack.vpk")
		data := vpktest.Bytes(randomFiles(random), vpktest.Options{Version: 1 + i%2, Preload: random.IntN(3) * random.IntN(40)})
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	for path, answers := range independent.Read(t, "vpk", files...) {
		answer := answers["vpk"]
		theirs := map[string]listed{}
		if answer.Error != "" || json.Unmarshal(answer.Value, &theirs) != nil {
			t.Errorf("%s: the other reader says %s", path, answer.Error)
			continue
		}
		reader, err := vpk.Open(path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		ours := map[string]listed{}
		for _, file := range reader.Files() {
			ours[file.Name] = listed{file.CRC, file.Size}
		}
		if diff := cmp.Diff(theirs, ours); diff != "" || len(ours) == 0 {
			t.Errorf("%s (-theirs +ours):\n%s", path, diff)
		}
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	}
}

func randomFiles(random *rand.Rand) []vpktest.File {
	var files []vpktest.File
	for i := range 1 + random.IntN(30) {
		name := fmt.Sprintf("File_%d", i)
		if random.IntN(4) > 0 {
			name = fmt.Sprintf("Dir%d/sub/%s", random.IntN(4), name)
		}
		if random.IntN(5) > 0 {
			name += []string{".vmt", ".bsp", ".TXT", ".a"}[random.IntN(4)]
		}
		data := make([]byte, random.IntN(200))
		for at := range data {
			data[at] = byte(random.Uint32())
		}
		files = append(files, vpktest.File{Name: name, Data: data})
	}
	return files
}
