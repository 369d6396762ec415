package preview

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// Size of a thumbnail in pixels; one side can be shorter.
const (
	Width  = 128
	Height = 72
)

const (
	maxLength = 8192     // pixels of a side
	maxMemory = 36 << 20 // bytes that decoding may take
	quality   = 82       // of the JPEG: 2 to 5 KiB
)

// format is a kind of picture: how to know it, what decoding takes for each pixel, and how it is decoded.
type format struct {
	name   string
	is     func(data []byte) bool
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
	bytes  func(data []byte, config image.Config) int // of memory for a pixel
}

func formats() []format {
	return []format{
		{"jpeg", begins("\xff\xd8\xff"), jpeg.DecodeConfig, jpeg.Decode, jpegBytes},
		{"png", begins("\x89PNG\r\n\x1a\n"), png.DecodeConfig, png.Decode, pngBytes},
		{"gif", begins("GIF8"), gif.DecodeConfig, gif.Decode, func([]byte, image.Config) int { return 2 }}, // the first picture only
		{"webp", isWebP, webp.DecodeConfig, webp.Decode, func([]byte, image.Config) int { return 12 }},
	}
}

func begins(magic string) func([]byte) bool {
	return func(data []byte) bool { return bytes.HasPrefix(data, []byte(magic)) }
}

// jpegBytes is much for progressive pictures, whose coefficients are all kept until the end.
func jpegBytes(data []byte, _ image.Config) int {
	for at := 2; at+4 <= len(data) && data[at] == 0xFF; {
		marker := data[at+1]
		switch {
		case marker == 0xFF: // a fill byte
			at++
			continue
		case marker == 0xC2:
			return 16
		case marker == 0xDA || marker >= 0xC0 && marker <= 0xC1:
			return 4
		}
		at += 2 + int(data[at+2])<<8 + int(data[at+3])
	}
	return 16
}

// pngBytes is doubled, for an interlaced picture is decoded in parts that are put together.
func pngBytes(_ []byte, config image.Config) int {
	switch config.ColorModel {
	case color.RGBA64Model, color.NRGBA64Model:
		return 16
	case color.RGBAModel, color.NRGBAModel:
		return 8
	}
	return 4
}

// Thumbnail returns a picture of at most Width by Height pixels of data as JPEG. What is no JPEG, PNG, GIF or WebP, or too
// large to be decoded, gives ErrNone.
func Thumbnail(data []byte) (thumbnail []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil { // decoders have had faults of that kind
			thumbnail, err = nil, fmt.Errorf("%w: the decoder gave up: %v", ErrNone, cause)
		}
	}()
	for _, f := range formats() {
		if f.is(data) {
			return f.thumbnail(data)
		}
	}
	return nil, fmt.Errorf("%w: it starts with %.16q", ErrNone, data[:min(len(data), 16)])
}

func (f format) thumbnail(data []byte) ([]byte, error) {
	config, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNone, f.name, err)
	}
	if err := f.fits(data, config.Width, config.Height, config); err != nil {
		return nil, err
	}
	if f.name == "webp" { // its frames have dimensions of their own
		frames, err := webpFrames(data)
		for _, frame := range frames {
			if err == nil {
				err = f.fits(data, frame.X, frame.Y, config)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	full, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNone, f.name, err)
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, scale(full), &jpeg.Options{Quality: quality})
	return out.Bytes(), err
}

func (f format) fits(data []byte, width, height int, config image.Config) error {
	if width < 1 || height < 1 || width > maxLength || height > maxLength || width*height*f.bytes(data, config) > maxMemory {
		return fmt.Errorf("%w: a %s of %d by %d pixels", ErrNone, f.name, width, height)
	}
	return nil
}

// scale makes a picture small enough, in its proportions, on a dark ground where it is transparent. It enlarges nothing.
func scale(full image.Image) image.Image {
	from := full.Bounds()
	width, height := from.Dx(), from.Dy()
	if width > Width || height > Height {
		if width*Height > height*Width {
			width, height = Width, max(height*Width/width, 1)
		} else {
			width, height = max(width*Height/height, 1), Height
		}
	}
	small := image.NewRGBA(image.Rect(0, 0, width, height))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.RGBA{R: 0x24, G: 0x28, B: 0x2c, A: 0xff}), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(small, small.Bounds(), full, from, draw.Over, nil)
	return small
}
