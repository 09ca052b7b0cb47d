package viz_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	imagecolor "image/color"
	"image/png"
	"mime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quire-ml/quire/viz"
)

// isBinary reports whether Jupyter's protocol has a MIME type in base64; the views use none but these.
func isBinary(t *testing.T, name string) bool {
	t.Helper()
	switch name {
	case viz.MIMEText, viz.MIMEHTML, viz.MIMEMarkdown:
		return false
	case viz.MIMEPNG:
		return true
	}
	t.Fatalf("%s is a MIME type that this test does not know", name)
	return false
}

// What holds for the bundle of every view. A new view is checked as soon as it is among the golden ones.
func TestBundlesOfAllViews(t *testing.T) {
	pictures := 0
	for name, v := range views() {
		t.Run(name, func(t *testing.T) {
			b := viz.Render(v)
			require.NotEmpty(t, b.Text(), "a view without text")
			require.Equal(t, string(b.Data[viz.MIMEText]), b.Text())
			for kind, data := range b.Data {
				_, _, err := mime.ParseMediaType(kind)
				require.NoError(t, err)
				if !isBinary(t, kind) {
					require.True(t, utf8.Valid(data), "%s is no UTF-8", kind)
					continue
				}
				_, err = base64.StdEncoding.DecodeString(string(data))
				require.Error(t, err, "%s is text in base64, and not what that means", kind)
			}
			checkMeta(t, b)
			if len(b.Data[viz.MIMEPNG]) > 0 {
				pictures++
			}
			checkRoundTrip(t, b)
		})
	}
	require.NotZero(t, pictures, "no view is a picture, so nothing was tested of them")
}

// checkMeta holds metadata to the protocol: it stands under the MIME types that the bundle has, and says of a picture how
// large it is.
func checkMeta(t *testing.T, b viz.Bundle) {
	t.Helper()
	for key := range b.Meta {
		require.Contains(t, b.Data, key, "metadata of a form that is not there")
	}
	data, ok := b.Data[viz.MIMEPNG]
	if !ok {
		return
	}
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	size := img.Bounds().Size()
	require.Equal(t, map[string]any{"width": size.X, "height": size.Y}, b.Meta[viz.MIMEPNG])
}

// checkRoundTrip writes a bundle as the protocol has it, looks at it as a front end does, and reads it back.
func checkRoundTrip(t *testing.T, b viz.Bundle) {
	t.Helper()
	text, err := json.Marshal(b)
	require.NoError(t, err)
	var wire struct{ Data, Metadata map[string]any }
	require.NoError(t, json.Unmarshal(text, &wire))
	require.Len(t, wire.Data, len(b.Data))
	require.NotNil(t, wire.Metadata, "the protocol wants an object")
	for kind, data := range b.Data {
		if isBinary(t, kind) {
			require.Equal(t, base64.StdEncoding.EncodeToString(data), wire.Data[kind])
		} else {
			require.Equal(t, string(data), wire.Data[kind])
		}
	}
	var back viz.Bundle
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, b.Data, back.Data)
	again, err := json.Marshal(back)
	require.NoError(t, err)
	require.Equal(t, string(text), string(again))
}

// all is every byte, which is neither UTF-8 nor base64.
func all() []byte {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func TestBundleAsJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		b    viz.Bundle
		want string
	}{
		{"nothing", viz.Bundle{}, `{"data":{},"metadata":{}}`},
		{"a text", viz.Plain("a\nb"), `{"data":{"text/plain":"a\nb"},"metadata":{}}`},
		{"a type with a parameter", viz.Bundle{Data: map[string][]byte{"text/csv; charset=utf-8": []byte("a,b")}}, `{"data":{"text/csv; charset=utf-8":"a,b"},"metadata":{}}`},
		{"SVG is text", viz.Bundle{Data: map[string][]byte{"image/svg+xml": []byte("<svg/>")}}, `{"data":{"image/svg+xml":"\u003csvg/\u003e"},"metadata":{}}`},
		{"JSON is what it holds", viz.Bundle{Data: map[string][]byte{"application/vnd.vegalite.v5+json": []byte(`{"mark":["bar",12345678901234567890]}`)}},
			`{"data":{"application/vnd.vegalite.v5+json":{"mark":["bar",12345678901234567890]}},"metadata":{}}`},
		{"a JSON text", viz.Bundle{Data: map[string][]byte{"application/json": []byte(`"a"`)}}, `{"data":{"application/json":"a"},"metadata":{}}`},
		{"bytes", viz.Bundle{Data: map[string][]byte{"application/pdf": {0, 0xff}}, Meta: map[string]any{"application/pdf": map[string]any{"width": 3}, "isolated": true}},
			`{"data":{"application/pdf":"AP8="},"metadata":{"application/pdf":{"width":3},"isolated":true}}`},
		{"every byte", viz.Bundle{Data: map[string][]byte{"application/octet-stream": all()}}, `{"data":{"application/octet-stream":"` + base64.StdEncoding.EncodeToString(all()) + `"},"metadata":{}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal(c.b)
			require.NoError(t, err)
			require.Equal(t, c.want, string(text))
			var back viz.Bundle
			require.NoError(t, json.Unmarshal(text, &back))
			require.Len(t, back.Data, len(c.b.Data))
			for kind, data := range c.b.Data {
				require.Equal(t, string(data), string(back.Data[kind]))
			}
		})
	}
}

func TestBundlesThatAreNoJSON(t *testing.T) {
	_, err := json.Marshal(viz.Bundle{Data: map[string][]byte{"application/json": []byte("{a")}})
	assert.ErrorContains(t, err, `viz.Bundle: the data of application/json is no JSON: "{a"`)
	_, err = json.Marshal(viz.Bundle{Meta: map[string]any{"x": func() {}}})
	assert.Error(t, err)
	for _, c := range []struct{ name, text, wantErr string }{
		{"a text that is a number", `{"data":{"text/plain":1}}`, "the data of text/plain: json: cannot unmarshal number"},
		{"a picture that is no base64", `{"data":{"image/png":"?"}}`, "the data of image/png: illegal base64"},
		{"data that is a list", `{"data":[]}`, "viz.Bundle: json: cannot unmarshal array"},
	} {
		b := viz.Plain("kept")
		assert.ErrorContains(t, json.Unmarshal([]byte(c.text), &b), c.wantErr, c.name)
		assert.Equal(t, viz.Plain("kept"), b, "%s: what could not be read has changed the bundle", c.name)
	}
}

// Notebook files store texts as lists of lines, and Jupyter breaks base64 into lines.
func TestBundleFromANotebook(t *testing.T) {
	var b viz.Bundle
	require.NoError(t, json.Unmarshal([]byte(`{"output_type":"display_data","data":{"text/plain":["a\n","b"],"image/png":"AP\n8=\n"},"metadata":{"image/png":{"width":2}}}`), &b))
	require.Equal(t, "a\nb", b.Text())
	require.Equal(t, []byte{0, 0xff}, b.Data[viz.MIMEPNG])
	require.Equal(t, map[string]any{viz.MIMEPNG: map[string]any{"width": 2.0}}, b.Meta)
}

func FuzzBundle(f *testing.F) {
	f.Add([]byte(`{"data":{"text/plain":["a\n"],"image/png":"AP8=","application/json":{"a":[1]}},"metadata":{"a":{"b":1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var b, back viz.Bundle
		if json.Unmarshal(text, &b) != nil {
			return
		}
		again, err := json.Marshal(b)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(again, &back))
		require.Len(t, back.Data, len(b.Data))
		viz.Render(b).HTML()
	})
}

// A picture keeps its pixels: as a PNG, enlarged where they are few.
func TestImageKeepsItsPixels(t *testing.T) {
	img := image.NewRGBA(image.Rect(5, 5, 8, 7))
	for i := range 6 {
		img.Set(5+i%3, 5+i/3, imagecolor.RGBA{uint8(40 * i), 7, 9, 255})
	}
	b := viz.Image(img)
	got, err := png.Decode(bytes.NewReader(b.Data[viz.MIMEPNG]))
	require.NoError(t, err)
	require.Equal(t, image.Pt(159, 106), got.Bounds().Size())
	for y := range 106 {
		for x := range 159 {
			wr, wg, wb, _ := img.At(5+x/53, 5+y/53).RGBA()
			r, g, bl, _ := got.At(x, y).RGBA()
			require.Equal(t, [3]uint32{wr, wg, wb}, [3]uint32{r, g, bl}, "pixel %d %d", x, y)
		}
	}
	page := viz.Titled("a title", img).HTML()
	require.Equal(t, 1, strings.Count(page, fmt.Sprintf(`<img src="data:image/png;base64,%s" width="159" height="106"`, base64.StdEncoding.EncodeToString(b.Data[viz.MIMEPNG]))))
}
