package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"testing"
)

var heapFile = flag.String("curves.heap", "", "file to write a profile of the heap to, at the end of Memory")

// memory is what this process takes, in bytes.
type memory struct {
	resident     int64
	residentMost int64 // at any time since it began
	goal         int64 // of the heap, when the next collection is to end: what is allowed to gather
	live         int64 // of the heap, after a collection
}

func memoryNow(b *testing.B) (m memory) {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		var kibi int64
		if n, _ := fmt.Sscanf(string(line), "VmRSS: %d kB", &kibi); n == 1 {
			m.resident = kibi << 10
		}
		if n, _ := fmt.Sscanf(string(line), "VmHWM: %d kB", &kibi); n == 1 {
			m.residentMost = kibi << 10
		}
	}
	var heap runtime.MemStats
	runtime.ReadMemStats(&heap)
	m.goal = int64(heap.NextGC)
	runtime.GC()
	runtime.GC() // what was made or had finalizers during the first one
	runtime.ReadMemStats(&heap)
	m.live = int64(heap.HeapAlloc)
	return m
}

func writeHeap(b *testing.B) {
	b.Helper()
	if *heapFile == "" {
		return
	}
	file, err := os.Create(*heapFile)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	if err := pprof.WriteHeapProfile(file); err != nil {
		b.Fatal(err)
	}
}
