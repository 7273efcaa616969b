"""The RunPod dialect: what was written for RunPod serverless, callers and workers, speaks to this platform unchanged."""
