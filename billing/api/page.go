package api

import (
	"fmt"
	"net/url"
	"strconv"

	"weir/billing"
	"weir/billing/postgres"
)

// Limits of paging.
const (
	perPageDefault = postgres.PageSizeDefault
	perPageMax     = postgres.PageSizeMax
	pageMax        = 1_000_000
)

// meta is Lago's account of a page.
type meta struct {
	CurrentPage int  `json:"current_page"`
	NextPage    *int `json:"next_page"`
	PrevPage    *int `json:"prev_page"`
	TotalPages  int  `json:"total_pages"`
	TotalCount  int  `json:"total_count"`
}

// pageOf reads page and per_page. What is no number or below 1 counts as not
// said, as in Lago; what exceeds our limits is refused.
func pageOf(values url.Values, wrong *faults) postgres.Page {
	return postgres.Page{
		Number: pageNumber(values, wrong, "page", 1, pageMax),
		Size:   pageNumber(values, wrong, "per_page", perPageDefault, perPageMax),
	}
}

func pageNumber(values url.Values, wrong *faults, name string, byDefault, max int) int {
	n, err := strconv.Atoi(values.Get(name))
	if err != nil || n < 1 {
		return byDefault
	}
	if n > max {
		wrong.addLimit(name, billing.CodeOutOfRange, fmt.Sprintf("at most %d", max))
	}
	return n
}

// metaOf describes a page of a list of total entries. An empty list is all
// zeros, and a page behind the last has neither neighbour.
func metaOf(page postgres.Page, total int) meta {
	if total == 0 {
		return meta{}
	}
	m := meta{CurrentPage: page.Number, TotalPages: (total + page.Size - 1) / page.Size, TotalCount: total}
	if page.Number < m.TotalPages {
		next := page.Number + 1
		m.NextPage = &next
	}
	if page.Number > 1 && page.Number <= m.TotalPages {
		previous := page.Number - 1
		m.PrevPage = &previous
	}
	return m
}

// onPage returns those of all that are on the page: of lists that are loaded whole.
func onPage[T any](all []T, page postgres.Page) []T {
	from := min((page.Number-1)*page.Size, len(all))
	return all[from:min(from+page.Size, len(all))]
}
