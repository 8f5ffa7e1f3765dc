package postgres

// Sizes of a page of a list.
const (
	PageSizeDefault = 100
	PageSizeMax     = 1000 // rows
	pageNumberMax   = 1_000_000_000
)

// Page says which part of a list is read. The zero Page is the first one.
type Page struct {
	Number int // from 1; anything below is 1
	Size   int // rows; anything below 1 is PageSizeDefault, above PageSizeMax is PageSizeMax
}

// Bounded returns the page as it will be read, within its bounds. A caller that
// shows page numbers must count with these.
func (p Page) Bounded() Page {
	p.Number = min(max(p.Number, 1), pageNumberMax)
	if p.Size < 1 {
		p.Size = PageSizeDefault
	}
	p.Size = min(p.Size, PageSizeMax)
	return p
}

// offset returns how many rows lie before the page. The page must be bounded.
func (p Page) offset() int64 { return int64(p.Number-1) * int64(p.Size) }
