package untrusted_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/quire-ml/quire/internal/untrusted"
)

func TestLostSeesWhatIsRemoved(t *testing.T) {
	for _, html := range []string{
		`<script>alert(1)</script>`, `<svg></svg>`, `<style>p{}</style>`, `<div class="x"></div>`, `<p onclick="x()"></p>`,
		`<p style="display:contents"></p>`, `<p style="color:currentColor"></p>`, `<p style="width:3ch"></p>`,
		`<img src="https://example.com/x.png"/>`, `<p>`, `<!-- x -->`,
		`<img src="data:image/svg+xml;base64,` + base64.StdEncoding.EncodeToString([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`)) + `"/>`,
	} {
		assert.NotNil(t, untrusted.Lost(html), "%s passes", html)
	}
}

func TestLinksLeadToFilesBesideTheNotebook(t *testing.T) {
	assert.Nil(t, untrusted.Lost(`<a href="views/a1.html" target="_blank">x</a>`))
	for _, href := range []string{"https://example.com/", "javascript:alert(1)", "data:text/html,x"} {
		assert.NotNil(t, untrusted.Lost(`<a href="`+href+`">x</a>`), href)
	}
}
