# docker build -t homogeneous-learning .
# docker run --rm -v "$PWD/runs:/app/results/runs" homogeneous-learning                       # the one-minute preset
# docker run --rm -v "$PWD/runs:/app/results/runs" homogeneous-learning python main.py        # the main job
FROM python:3.11-slim

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt -c constraints.txt
COPY . .

CMD ["python", "main.py", "--preset", "quick"]
