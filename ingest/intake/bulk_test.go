package intake

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t *testing.T, text string, options ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, options...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBulkLineByLine(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	changed := strings.Replace(event("c", "s"), "requests", "other", 1)
	h.post(pathEvent, single(event("a", "s"))).want(t, 200, `{"event":…`)
	lines := []string{
		event("a", "s"),       // 1: a repeat
		event("b", "s"),       // 2
		"",                    // 3: nothing
		`{"transaction_id":1`, // 4: not JSON
		event("c", "s"),       // 5
		changed,               // 6: a conflict
		fields("code", ""),    // 7: no code
		event("b", "s"),       // 8: a repeat
		event("d", "s"),       // 9: the last one has no line end
	}
	a := h.post(pathBatch, strings.Join(lines, "\r\n"), ndjson)
	a.want(t, 200, `{"accepted":3,"duplicates":2,"conflicts":1,"refused_count":3,"refused":[{"line":4,"error":"BadRequest: …`)
	const rest = `},{"line":6,"error":"validation_errors","error_details":{"transaction_id":["value_already_exist_with_other_content"]}},` +
		`{"line":7,"error":"validation_errors","error_details":{"code":["value_is_mandatory"]}}]}`
	if !strings.HasSuffix(a.body, rest) {
		t.Errorf("body is\n%s\nwant it to end\n%s", a.body, rest)
	}
	if a.header.Get(PositionHeader) == "" {
		t.Error("the answer names no position")
	}
	h.wantIDs("a", "b", "c", "d")
	for _, e := range h.stored() {
		if e.code != "requests" {
			t.Errorf("the conflict was written: %+v", e)
		}
	}
	// The same once more: everything is a repeat, nothing is written.
	a = h.post(pathBatch, event("b", "s")+"\n"+event("d", "s")+"\n", ndjson)
	a.want(t, 200, `{"accepted":0,"duplicates":2,"conflicts":0,"refused_count":0,"refused":[]}`)
	if got := a.header.Get(PositionHeader); got != "" {
		t.Errorf("nothing was written, and the position is %q", got)
	}
}

func TestBulkEncodings(t *testing.T) {
	t.Parallel()
	h := start(t, nil)
	var want []string
	for n, tt := range []struct{ contentType, encoding string }{
		{"application/x-ndjson", ""},
		{"application/jsonl; charset=utf-8", "identity"},
		{"Application/NDJSON", "gzip"},
		{"application/x-ndjson", "GZIP"},
		{"application/x-ndjson", "zstd"},
		{"application/x-ndjson", "zstd"}, // the decoders are used again
	} {
		id := fmt.Sprintf("t%d", n)
		want = append(want, id)
		body := event(id, "s")
		switch strings.ToLower(tt.encoding) {
		case "gzip":
			body = gzipped(t, body)
		case "zstd":
			body = zstandard(t, body)
		}
		h.post(pathBatch, body, "Content-Type: "+tt.contentType, "Content-Encoding: "+tt.encoding).want(t, 200,
			`{"accepted":1,"duplicates":0,"conflicts":0,"refused_count":0,"refused":[]}`)
	}
	h.wantIDs(want...)
}

// More lines than one chunk, with repeats across chunks and more refusals than
// the answer lists.
func TestBulkOfManyChunks(t *testing.T) {
	t.Parallel()
	h := start(t, func(o *Options) { o.WindowIDs = 100_000 })
	const events = 2*bulkChunkEvents + 5
	var b strings.Builder
	var ids []string
	for n := range events {
		id := fmt.Sprintf("t%05d", n)
		ids = append(ids, id)
		b.WriteString(event(id, fmt.Sprintf("s%d", n%10)) + "\n")
	}
	for n := range 150 {
		fmt.Fprintf(&b, "bad %d\n", n)
	}
	b.WriteString(event("t00000", "s0") + "\n")
	a := h.post(pathBatch, gzipped(t, b.String()), ndjson, "Content-Encoding: gzip")
	a.want(t, 200, fmt.Sprintf(`{"accepted":%d,"duplicates":1,"conflicts":0,"refused_count":150,"refused":[{"line":%d,…`, events, events+1))
	if n := strings.Count(a.body, `"line":`); n != BulkRefusedMax {
		t.Errorf("%d refused lines are listed, want %d", n, BulkRefusedMax)
	}
	if got := h.ids(); !slices.Equal(got, ids) {
		t.Errorf("the log holds %d events, want the %d that were sent", len(got), len(ids))
	}
}
