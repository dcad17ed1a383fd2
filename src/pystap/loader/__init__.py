"""bpf(2) and perf_event_open(2): maps, programs, attachments. The only place with ctypes; knows no language."""
