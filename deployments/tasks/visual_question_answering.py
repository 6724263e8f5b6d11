from deployments.task import Input, Task


class VisualQuestionAnswering(Task):
    name = "visual-question-answering"
    description = "Answer a question about an image."
    inputs = {
        "image": Input("image"),
        "text": Input("text", description="the question"),
    }
    outputs = ("text",)
    example = {
        "image": "photo.png",
        "text": "What colour is the door?",
    }
    answer = "The answer to “{text}”:"
    candidate = "HuggingFaceTB/SmolVLM-256M-Instruct"
    phrases = (
        "what is he wearing",
        "is the shop open in the picture",
        "what is the mood in the photo",
        "is anybody smiling in the image",
        "which hand is he using in the photo",
        "what color is the door in the image",
        "is the man in the picture wearing a hat",
        "what is the dog in the photo doing",
        "where is the cat sitting in the image",
        "what is the woman holding in the picture",
        "is there a dog in the photo",
        "who is standing next to the tree in the image",
        "what is on the table in the photo",
        "is it raining in the picture",
        "what is the weather like in the photo",
        "answer this text about the image",
        "does the image show a beach",
        "what brand is the laptop in the picture",
        "why is the boy in the picture crying",
        "are the people in the photo happy",
        "how old is the person in the image",
        "what shape is the window in the photo",
        "tell me whether the light is on in the picture",
        "which animal is on the left in the image",
        "what time is it on the clock in the image",
        "can you see a boat in the picture",
        "check whether the image contains a bicycle",
    )
