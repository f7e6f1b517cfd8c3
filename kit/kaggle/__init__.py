"""The loop with Kaggle: fetch data, check and submit files, keep a ledger of their scores."""
