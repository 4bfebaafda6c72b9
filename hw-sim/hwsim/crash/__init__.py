"""The crash-state explorer: what a power cut may leave of a journal, at any write, reopened.

A real agent runs under strace (`recording`); what it wrote is a list of operations (`operations`);
at every one of them a power cut leaves one of many disks (`disk`); the real recovery code opens
each (`recovery`, in processes of its own), and must find every tap that was shown green.
"""
