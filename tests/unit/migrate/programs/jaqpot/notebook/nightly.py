"""The notebook's model, asked every night."""

import os

from jaqpot_python_sdk import JaqpotApiClient

with open("report.txt", "w") as report:
    client = JaqpotApiClient(api_url=os.environ["JAQPOT_API_URL"])
    print(client.get_model_summary(1886)["name"], file=report)
    print(client.predict_with_csv_sync(1886, "day.csv"), file=report)
