package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// step prints one line of the story.
func step(what, format string, args ...any) {
	fmt.Printf("%-12s %s\n", what, fmt.Sprintf(format, args...))
}

// groupedText puts commas into an integer's text: 1234567 is 1,234,567.
func groupedText(digits string) string {
	sign := ""
	if rest, ok := strings.CutPrefix(digits, "-"); ok {
		sign, digits = "-", rest
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

func grouped(n int) string { return groupedText(strconv.Itoa(n)) }

// dollars prints minor units of a currency with two digits.
func dollars(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s$%s.%02d", sign, groupedText(strconv.FormatInt(cents/100, 10)), cents%100)
}

// progress shows how far the sending is: a bar on a terminal, a line a second elsewhere.
type progress struct {
	what  string
	total int

	mu      sync.Mutex
	done    int
	usage   string
	printed time.Time
	bar     *progressbar.ProgressBar // nil: not a terminal
}

// lineEvery is how often a line is printed where there is no bar.
const lineEvery = time.Second

func newProgress(what string, total int) *progress {
	p := &progress{what: what, total: total, printed: time.Now()}
	if term.IsTerminal(int(os.Stdout.Fd())) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(os.Stdout), progressbar.OptionSetDescription(what),
			progressbar.OptionSetWidth(24), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar != nil {
		_ = p.bar.Set(p.done) // it only fails past its end
		return
	}
	if time.Since(p.printed) >= lineEvery {
		p.printed = time.Now()
		step(p.what, "%s of %s   %s", grouped(p.done), grouped(p.total), p.usage)
	}
}

// live sets the words about usage beside the bar.
func (p *progress) live(usage string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.usage = usage
	if p.bar != nil {
		p.bar.Describe(usage)
	}
}

func (p *progress) finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
