package preview_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/preview"
	"github.com/left4me/left4me/plugins/overlay-workshop/internal/transport"
)

// striped is a picture whose right half differs.
func striped(width, height int) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, width, height))
	for x := range width {
		for y := range height {
			tone := color.NRGBA{R: 250, A: 255}
			if x >= width/2 {
				tone = color.NRGBA{B: 250, A: 255}
			}
			out.SetNRGBA(x, y, tone)
		}
	}
	return out
}

func encode(t testing.TB, kind string, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch kind {
	case "jpeg":
		err = jpeg.Encode(&out, picture, nil)
	case "png":
		err = png.Encode(&out, picture)
	case "gif":
		err = gif.Encode(&out, picture, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestThumbnailsAreSmallAndInProportion(t *testing.T) {
	for _, c := range []struct{ width, height, wantWidth, wantHeight int }{
		{640, 360, 128, 72}, {300, 300, 72, 72}, {100, 1000, 7, 72}, {1000, 10, 128, 1}, {64, 36, 64, 36}, {1, 1, 1, 1}, {8000, 1, 128, 1},
	} {
		for _, kind := range []string{"jpeg", "png", "gif"} {
			data := encode(t, kind, striped(c.width, c.height))
			thumbnail, err := preview.Thumbnail(data)
			if err != nil {
				t.Errorf("%s of %d by %d: %v", kind, c.width, c.height, err)
				continue
			}
			got, err := jpeg.Decode(bytes.NewReader(thumbnail))
			if err != nil || got.Bounds().Dx() != c.wantWidth || got.Bounds().Dy() != c.wantHeight || len(thumbnail) > 16<<10 {
				t.Errorf("%s of %d by %d became %v, %d bytes, %v", kind, c.width, c.height, got.Bounds(), len(thumbnail), err)
			}
			if c.wantWidth < 60 {
				continue
			}
			left, _, _, _ := got.At(2, c.wantHeight/2).RGBA()
			_, _, right, _ := got.At(c.wantWidth-3, c.wantHeight/2).RGBA()
			if left < 0xc000 || right < 0xc000 {
				t.Errorf("%s of %d by %d lost its colours", kind, c.width, c.height)
			}
		}
	}
}

// A small WebP file of another encoder, see testdata/README.
func TestWebP(t *testing.T) {
	data, err := os.ReadFile("testdata/striped.webp")
	if err != nil {
		t.Fatal(err)
	}
	thumbnail, err := preview.Thumbnail(data)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := jpeg.DecodeConfig(bytes.NewReader(thumbnail)); err != nil || got.Width != 128 || got.Height != 64 {
		t.Errorf("%+v, %v", got, err)
	}
	// A frame that is much larger than its canvas says.
	for at, size := range map[string][]byte{"lossless": vp8l(16383, 16383), "lossy": vp8(16383, 16383)} {
		if _, err := preview.Thumbnail(extended(8, 8, size)); !errors.Is(err, preview.ErrNone) || !strings.Contains(err.Error(), "pixels") {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// chunk is a RIFF chunk.
func chunk(id string, body []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	out = append(out, body...)
	return append(out, make([]byte, len(body)%2)...)
}

// extended is a WebP file whose canvas has a size and that holds a frame.
func extended(width, height int, frame []byte) []byte {
	canvas := []byte{0, 0, 0, 0, byte(width - 1), 0, 0, byte(height - 1), 0, 0}
	body := append([]byte("WEBP"), chunk("VP8X", canvas)...)
	return chunk("RIFF", append(body, frame...))
}

func vp8l(width, height uint32) []byte {
	return chunk("VP8L", append(binary.LittleEndian.AppendUint32([]byte{0x2f}, (width-1)|(height-1)<<14), make([]byte, 20)...))
}

func vp8(width, height uint16) []byte {
	head := []byte{0x10, 0, 0, 0x9d, 0x01, 0x2a}
	head = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(head, width), height)
	return chunk("VP8 ", append(head, make([]byte, 20)...))
}

// pngClaiming is a PNG of some size whose data are zeros for megabytes: a bomb.
func pngClaiming(t testing.TB, width, height uint32) []byte {
	t.Helper()
	part := func(kind string, body []byte) []byte {
		out := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
		named := append([]byte(kind), body...)
		return binary.BigEndian.AppendUint32(append(out, named...), crc32.ChecksumIEEE(named))
	}
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	for range 16 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, width), height)
	out := append([]byte("\x89PNG\r\n\x1a\n"), part("IHDR", append(head, 8, 6, 0, 0, 0))...)
	return append(append(out, part("IDAT", packed.Bytes())...), part("IEND", nil)...)
}

func TestWhatIsNoPictureGivesNone(t *testing.T) {
	small := encode(t, "png", striped(8, 8))
	huge := bytes.Clone(encode(t, "jpeg", striped(8, 8)))
	at := bytes.Index(huge, []byte{0xff, 0xc0})
	copy(huge[at+5:], []byte{0xff, 0xff, 0xff, 0xff}) // height, width
	for name, data := range map[string][]byte{
		"nothing":          nil,
		"SVG":              []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`),
		"HTML":             []byte("<!DOCTYPE html><html></html>"),
		"BMP":              append([]byte("BM"), make([]byte, 100)...),
		"cut":              small[:len(small)/2],
		"magic only":       []byte("\xff\xd8\xff"),
		"JPEG, huge":       huge,
		"PNG, huge":        pngClaiming(t, 60_000, 60_000),
		"PNG, long":        pngClaiming(t, 1_000_000_000, 1),
		"PNG, much memory": pngClaiming(t, 4000, 4000),
		"GIF, huge":        []byte("GIF89a\xff\xff\xff\xff\x00\x00\x00"),
		"WebP, huge":       extended(200, 200, vp8l(9000, 9000)),
		"WebP, empty":      extended(8, 8, nil),
	} {
		if thumbnail, err := preview.Thumbnail(data); !errors.Is(err, preview.ErrNone) || thumbnail != nil {
			t.Errorf("%s: %d bytes, %v", name, len(thumbnail), err)
		}
	}
}

func TestNoByteOfAStrangerGoesOn(t *testing.T) {
	const secret = "<script>alert(1)</script>"
	data := append(encode(t, "jpeg", striped(64, 36)), secret...)
	comment := append([]byte{0xff, 0xd8, 0xff, 0xfe, 0, byte(len(secret) + 2)}, secret...)
	data = append(comment, data[2:]...)
	thumbnail, err := preview.Thumbnail(data)
	if err != nil || bytes.Contains(thumbnail, []byte("script")) {
		t.Errorf("%v, %q", err, thumbnail)
	}
}

func FuzzThumbnail(f *testing.F) {
	for _, kind := range []string{"jpeg", "png", "gif"} {
		f.Add(encode(f, kind, striped(20, 10)))
	}
	f.Add(extended(8, 8, vp8l(8, 8)))
	f.Add(extended(8, 8, vp8(8, 8)))
	f.Fuzz(func(t *testing.T, data []byte) {
		thumbnail, err := preview.Thumbnail(data)
		if err != nil {
			return
		}
		config, err := jpeg.DecodeConfig(bytes.NewReader(thumbnail))
		if err != nil || config.Width > preview.Width || config.Height > preview.Height {
			t.Errorf("%+v, %v", config, err)
		}
	})
}

func client(loopback bool) *preview.Client {
	policy := transport.Policy{Hosts: []string{".steamusercontent.com"}, Loopback: loopback}
	return &preview.Client{HTTP: policy.DownloadClient(nil), Policy: policy, Patient: time.Minute}
}

func TestFetch(t *testing.T) {
	good := encode(t, "png", striped(64, 36))
	mux := http.NewServeMux()
	mux.HandleFunc("/good", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(good) })
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good", http.StatusFound) })
	mux.HandleFunc("/private", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://10.0.0.1/x.png", http.StatusFound)
	})
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("/long", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "5000000") })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(good)))
		_, _ = w.Write(good[:20])
	})
	listener := httptest.NewServer(mux)
	t.Cleanup(listener.Close)
	for path, want := range map[string]string{
		"/good": "", "/moved": "", "/private": "none", "/loop": "none", "/long": "none", "/endless": "none", "/gone": "none", "/busy": "busy", "/broken": "again", "/cut": "again",
	} {
		_, err := client(true).Thumbnail(t.Context(), listener.URL+path)
		got := "again"
		switch {
		case err == nil:
			got = ""
		case errors.Is(err, preview.ErrNone):
			got = "none"
		case errors.Is(err, transport.ErrBusy):
			got = "busy"
		}
		if got != want {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	if _, err := client(false).Thumbnail(t.Context(), listener.URL+"/good"); !errors.Is(err, preview.ErrNone) {
		t.Errorf("a loopback address: %v", err)
	}
}

// A body that comes byte by byte ends with the patience.
func TestSlowBody(t *testing.T) {
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte("\x89PNG"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(listener.Close)
	c := client(true)
	c.Patient = 50 * time.Millisecond
	if _, err := c.Thumbnail(t.Context(), listener.URL); err == nil || errors.Is(err, preview.ErrNone) {
		t.Errorf("error %v", err)
	}
}
